#include "proxy/answer_head.hpp"

#include "tests/unit/proxy/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::proxy;
using namespace understudy::proxy::test;
using namespace std::string_literals;

namespace {

constexpr auto kYaml = "upstreams:\n  - { name: one, base_url: 'http://127.0.0.1:1/v1' }\n";

/// A request that has come to its answer.
struct Answered {
    Answered() {
        request.request_id = "id-1";
        record.attempts = 1;
    }
    std::string fields(std::string_view upstream, std::string_view model,
                       const Bill* bill = nullptr) const {
        std::string out;
        add_answer_fields(out, request, record, upstream, model, bill);
        return out;
    }
    Bench bench;
    std::shared_ptr<Runtime> runtime = bench.load(kYaml);
    Inbound request;
    bool client_gone = false;
    bool cut_off = false;
    RequestRecord record{*runtime, request, nullptr, client_gone, cut_off};
};

}  // namespace

TEST_CASE("Every answer says who gave it, after how many attempts") {
    Answered a;
    a.record.attempts = 2;
    a.record.trace = "openai/gpt-4o;rate_limit;429;112ms, backup/x;ok;200;834ms";
    CHECK(a.fields("backup", "x") ==
          "x-request-id: id-1\r\n"
          "x-understudy-upstream: backup\r\n"
          "x-understudy-model: x\r\n"
          "x-understudy-attempts: 2\r\n"
          "x-understudy-trace: openai/gpt-4o;rate_limit;429;112ms, backup/x;ok;200;834ms\r\n");
}

TEST_CASE("What is not known is left out") {
    Answered a;
    a.record.attempts = 0;
    CHECK(a.fields("", "gpt-4o") == "x-request-id: id-1\r\nx-understudy-attempts: 0\r\n");
    a.record.attempts = 1;
    CHECK(a.fields("one", "") ==
          "x-request-id: id-1\r\nx-understudy-upstream: one\r\nx-understudy-attempts: 1\r\n");
}

TEST_CASE("The cost is said when it is known, in both dialects, zero included") {
    Answered a;
    Bill bill;
    CHECK(a.fields("one", "x", &bill).find("cost") == std::string::npos);
    bill.cost_pico_usd = 146'625'000;
    CHECK(a.fields("one", "x", &bill)
              .ends_with("x-understudy-cost-usd: 0.000146625\r\n"
                         "x-litellm-response-cost: 0.000146625\r\n"));
    CHECK(a.fields("one", "x", &bill).find("price-version") == std::string::npos);
    bill.priced_by = PricedBy::configuration;
    CHECK(a.fields("one", "x", &bill).ends_with("x-understudy-price-version: configuration\r\n"));
    bill.priced_by = PricedBy::table;
    CHECK(a.fields("one", "x", &bill).find("x-understudy-price-version: built-in ") !=
          std::string::npos);
    bill.cost_pico_usd = 0;
    CHECK(a.fields("one", "x", &bill).find("x-understudy-cost-usd: 0\r\n") != std::string::npos);
}

TEST_CASE("No model name adds a line") {
    Answered a;
    for (const auto& model : {"x\r\nset-cookie: a=b"s, "\r\n\r\nHTTP/1.1 200 OK"s, "a\nb: c"s,
                              "\0"s, "\x7f\xFF\xC3\xA9"s, std::string(100'000, '\n')}) {
        const auto fields = a.fields("one", model);
        CHECK(std::count(fields.begin(), fields.end(), '\n') == 4);
        CHECK(std::count(fields.begin(), fields.end(), '\r') == 4);
        CHECK(fields.find("\r\n\r\n") == std::string::npos);
        CHECK(fields.size() < 400);
        for (const char c : fields) CHECK((c == '\r' || c == '\n' || (c >= ' ' && c < 0x7f)));
    }
}
