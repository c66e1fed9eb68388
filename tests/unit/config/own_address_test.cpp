// A base URL that leads back to the daemon.
#include "config/own_address.hpp"

#include "config/address.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;

TEST_CASE("A base URL leads to a listener when its port and one of its addresses are the same") {
    const std::set<std::string> own{"127.0.0.1", "::1", "10.1.2.3", "fd00::7", "box"};
    struct Row {
        const char* url;
        const char* listener;
        bool leads;
    };
    for (const Row row : {Row{"http://127.0.0.1:8080/v1", "127.0.0.1:8080", true},
                          {"http://localhost:8080/v1", "127.0.0.1:8080", true},
                          {"http://LOCALHOST:8080", "[::1]:8080", true},
                          {"https://localhost:8080/v1", "127.0.0.1:8080", true},
                          {"http://0.0.0.0:8080/v1", "127.0.0.1:8080", true},
                          {"http://[::1]:8080/v1", "[::1]:8080", true},
                          {"http://127.0.0.1:8080/v1", "0.0.0.0:8080", true},
                          {"http://127.0.0.9:8080/v1", "0.0.0.0:8080", true},
                          {"http://10.1.2.3:8080/v1", "0.0.0.0:8080", true},
                          {"http://box:8080/v1", "0.0.0.0:8080", true},
                          {"http://box:8080/v1", "10.1.2.3:8080", true},
                          {"http://[fd00::7]:8080/v1", "[::]:8080", true},
                          {"http://127.0.0.1:8081/v1", "127.0.0.1:8080", false},
                          {"http://box:8080/v1", "127.0.0.1:8080", false},
                          {"http://10.9.9.9:8080/v1", "0.0.0.0:8080", false},
                          {"http://10.1.2.3:8080/v1", "127.0.0.1:8080", false},
                          {"http://127.0.0.1:8080/v1", "10.1.2.3:8080", false},
                          {"http://llm.example:8080/v1", "0.0.0.0:8080", false}}) {
        CAPTURE(row.url, row.listener);
        CHECK(leads_to(*parse_base_url(row.url).value, *parse_endpoint(row.listener).value, own) ==
              row.leads);
    }
    CHECK_FALSE(leads_to(*parse_base_url("http://127.0.0.1:80").value, {"127.0.0.1", 0}, own));
}

TEST_CASE("A base URL at the own listener or admin address is refused, wherever that is set") {
    const std::string loop = "upstreams: [{ name: me, base_url: 'http://localhost:7001/v1' }]\n";
    REQUIRE(problems_of(loop).empty());
    const auto refused = [](const std::vector<std::string>& problems) {
        return problems.size() == 1 &&
               problems.front().find("leads back to this daemon") != std::string::npos;
    };
    CHECK(refused(problems_of("listen: 127.0.0.1:7001\n" + loop)));
    CHECK(refused(problems_of("listen: ['127.0.0.1:7000', '127.0.0.1:7001']\n" + loop)));
    CHECK(refused(problems_of("admin: 127.0.0.1:7001\n" + loop)));
    Overrides overrides;
    overrides.listen = {"127.0.0.1:7001"};
    CHECK(refused(problems_of(loop, {}, overrides)));
}
