// What failures are read as: the step reached, the wrong scheme, and the sentences with what, where
// and what to do.
#include "cmd/probe/heard.hpp"
#include "cmd/probe/judge.hpp"
#include "cmd/probe/scheme.hpp"
#include "config/address.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace understudy;
using namespace understudy::cmd::probe;
using wire::FailureClass;

namespace {

Heard silence(std::string detail) {
    Heard heard;
    heard.failure =
        detail.starts_with("timeout: ") ? FailureClass::timeout : FailureClass::connection;
    heard.detail = std::move(detail);
    return heard;
}

Heard answer(unsigned status, FailureClass failure, std::string body = {}) {
    Heard heard;
    heard.status = status;
    heard.failure = failure;
    heard.detail = "HTTP " + std::to_string(status);
    heard.body = std::move(body);
    return heard;
}

config::Upstream upstream_at(std::string_view url) {
    config::Upstream upstream;
    upstream.name = "there";
    upstream.base_url = *config::parse_base_url(url).value;
    return upstream;
}

Doubt doubt(std::string_view url, const Heard& heard) {
    return doubt_scheme(upstream_at(url).base_url, heard);
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("The step reached is read from what an attempt says") {
    for (const bool tls : {false, true}) {
        CHECK(reached(silence("proxy p.test:3128: connect 127.0.0.1:9: connection refused"), tls) ==
              Step::proxy);
        CHECK(reached(silence("timeout: proxy p.test:3128: no answer"), tls) == Step::proxy);
    }
    CHECK(reached(silence("resolve a.test: not found"), true) == Step::resolve);
    CHECK(reached(silence("timeout: resolve a.test: no answer"), true) == Step::resolve);
    CHECK(reached(silence("connect 127.0.0.1:9: connection refused"), false) == Step::connect);
    CHECK(reached(silence("timeout: connect 10.0.0.1:443: no answer"), true) == Step::connect);
    CHECK(reached(silence("TLS with a.test: wrong version number"), true) == Step::handshake);
    CHECK(reached(silence("timeout: TLS with a.test: no answer"), true) == Step::handshake);
    CHECK(reached(silence("no answer: connection reset"), false) == Step::answer);
    CHECK(reached(silence("timeout: no answer"), false) == Step::answer);
    CHECK(reached(answer(401, FailureClass::auth), true) == Step::answer);
}

TEST_CASE("TLS spoken to a plain port is likely, where OpenSSL reads what is no record") {
    constexpr auto kUrl = "https://a.test:8000/v1";
    for (const char* reason : {"wrong version number", "packet length too long", "http request"}) {
        CHECK(doubt(kUrl, silence(std::string("TLS with a.test: ") + reason)) == Doubt::likely);
    }
    for (const char* reason : {"connection closed", "connection reset", "unexpected eof"}) {
        CHECK(doubt(kUrl, silence(std::string("TLS with a.test: ") + reason)) == Doubt::possible);
    }
    CHECK(doubt(kUrl, silence("timeout: TLS with a.test: no answer")) == Doubt::possible);
    for (const char* alert : {"sslv3 alert handshake failure", "tlsv1 unrecognized name",
                              "tlsv13 alert certificate required"}) {
        CHECK(doubt(kUrl, silence(std::string("TLS with a.test: ") + alert)) == Doubt::none);
    }
    // A certificate is a proof of TLS, as an alert is; before the handshake nothing is known.
    CHECK(doubt(kUrl, silence("TLS with a.test: certificate verify failed: expired")) ==
          Doubt::none);
    CHECK(doubt(kUrl, silence("connect 127.0.0.1:8000: connection refused")) == Doubt::none);
    CHECK(doubt(kUrl, silence("resolve a.test: not found")) == Doubt::none);
    CHECK(doubt(kUrl, answer(400, FailureClass::bad_request)) == Doubt::none);
}

TEST_CASE("Plain HTTP spoken to a TLS port is likely, where the server says so") {
    constexpr auto kUrl = "http://a.test:8443/v1";
    for (const char* body :
         {"<h1>400 Bad Request</h1> The plain HTTP request was sent to HTTPS port",
          "Client sent an HTTP request to an HTTPS server.",
          "Reason: You're speaking plain HTTP to an SSL-enabled server port."}) {
        CHECK(doubt(kUrl, answer(400, FailureClass::bad_request, body)) == Doubt::likely);
    }
    for (const char* detail : {"no answer: connection closed", "no answer: connection reset",
                               "answer head: bad status line", "timeout: no answer"}) {
        CHECK(doubt(kUrl, silence(detail)) == Doubt::possible);
    }
    auto redirect = answer(301, FailureClass::bad_request);
    redirect.location = "HTTPS://a.test/v1/models";
    CHECK(doubt(kUrl, redirect) == Doubt::possible);
    redirect.location = "http://b.test/v1/models";
    CHECK(doubt(kUrl, redirect) == Doubt::none);
    CHECK(doubt(kUrl, answer(400, FailureClass::bad_request, "no such model")) == Doubt::none);
    CHECK(doubt(kUrl, silence("connect 127.0.0.1:8443: connection refused")) == Doubt::none);
}

TEST_CASE("A port that follows from the scheme changes with it") {
    CHECK(doubt("http://a.test/v1", silence("connect 10.0.0.1:80: connection refused")) ==
          Doubt::possible);
    CHECK(doubt("https://a.test/v1", silence("timeout: connect 10.0.0.1:443: no answer")) ==
          Doubt::possible);
    const auto at = [](std::string_view url) { return upstream_at(url).base_url; };
    CHECK(other_scheme(at("http://a.test/v1")).text() == "https://a.test/v1");
    CHECK(other_scheme(at("https://a.test:8000/v1")).text() == "http://a.test:8000/v1");
    CHECK(explain_scheme(at("http://a.test/v1"), true) ==
          "a.test at port 443 speaks TLS, not plain HTTP; the scheme is the wrong one, write "
          "base_url: https://a.test/v1");
    CHECK(holds(explain_scheme(at("https://a.test:8000/v1"), false), "most likely"));
}

TEST_CASE("The words of an error are found in every usual shape") {
    CHECK(error_message(R"({"error":{"message":"m","code":"c"}})") == "m");
    CHECK(error_message(R"({"error":"m"})") == "m");
    CHECK(error_message(R"({"message":"m"})") == "m");
    CHECK(error_message(R"({"detail":"m"})") == "m");
    CHECK(error_message(R"({"detail":[{"msg":"m"}]})") == "m");
    CHECK(error_message(R"([{"error":{"message":"m"}}])") == "m");
    for (const char* body : {"", "<html>", "\"m\"", "{}", "{\"error\":7}", "[]", "null"}) {
        CHECK(error_message(body).empty());
    }
}

TEST_CASE("A key that comes back is masked, even at the edge of what is quoted") {
    auto upstream = upstream_at("http://a.test/v1");
    upstream.api_key.emplace("sk-secret-12345");
    config::HeaderSetting header;
    header.name = "x-vendor-api-key";
    header.value = config::Secret("Token hdr-secret-9");
    upstream.headers.push_back(header);
    const std::string body =
        R"({"error":{"message":")" + std::string(190, 'x') + R"(sk-secret-12345 hdr-secret-9"}})";
    const auto said = quote_answer(upstream, answer(401, FailureClass::auth, body));
    CHECK(holds(said, "***"));
    CHECK_FALSE(holds(said, "sk-"));
    CHECK_FALSE(holds(said, "hdr-"));
    CHECK(has_credential(upstream));
    CHECK_FALSE(has_credential(upstream_at("http://a.test/v1")));
}

TEST_CASE("Every way of getting no answer says what to do") {
    const auto plain = upstream_at("http://a.test:81/v1");
    const auto tls = upstream_at("https://a.test/v1");
    CHECK(holds(explain_silence(plain, silence("resolve a.test: not found")), "spelled right"));
    CHECK(holds(explain_silence(plain, silence("connect 1.2.3.4:81: refused")), "server running"));
    CHECK(holds(explain_silence(tls, silence("timeout: connect 1.2.3.4:443: no answer")),
                "firewall"));
    CHECK(holds(explain_silence(tls, silence("TLS with a.test: certificate verify failed")),
                "tls.ca"));
    CHECK(holds(explain_silence(tls, silence("TLS with a.test: tlsv13 alert certificate required")),
                "client's certificate"));
    CHECK(holds(explain_silence(tls, silence("TLS with a.test: connection closed")), "scheme"));
    CHECK(holds(explain_silence(plain, silence("timeout: no answer")), "a.test:81"));
}

TEST_CASE("A refused key is called by the name under which it can be changed") {
    auto upstream = upstream_at("https://a.test/v1");
    CHECK(holds(explain_refusal(upstream, answer(401, FailureClass::auth)), "clients' own keys"));
    upstream.api_key.emplace("k");
    CHECK(holds(explain_refusal(upstream, answer(401, FailureClass::auth)), "the api_key was not"));
    upstream.key_variable = "A_KEY";
    CHECK(holds(explain_refusal(upstream, answer(401, FailureClass::auth)), "$A_KEY was not"));
    CHECK(holds(explain_refusal(upstream, answer(403, FailureClass::auth)), "$A_KEY may not"));
}

TEST_CASE("The row of a missing model names its neighbours, or the path") {
    const auto upstream = upstream_at("http://a.test/v1");
    Told told;
    told.heard = answer(404, FailureClass::not_found);
    Listing listing;
    listing.heard = answer(200, FailureClass::none);
    listing.read = true;
    listing.names = {"good-model", "other"};
    const auto missing = row_of_answer(upstream, listing, {"god-model", Origin::configured}, told);
    CHECK(missing.model == "MISSING");
    CHECK(holds(missing.verdict, R"(lacks "god-model"; nearest: "good-model")"));
    CHECK(missing.state == Row::State::problem);
    listing.read = false;
    listing.names.clear();
    listing.heard = answer(404, FailureClass::not_found);
    const auto path = row_of_answer(upstream, listing, {"m", Origin::configured}, told);
    CHECK(path.model == "-");
    CHECK(holds(path.verdict, "http://a.test/v1/models"));
    told.heard.body = R"({"error":{"message":"model m not found"}})";
    CHECK(row_of_answer(upstream, listing, {"m", Origin::configured}, told).model == "MISSING");
}
