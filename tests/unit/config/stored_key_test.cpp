#include "config/stored_key.hpp"

#include "config/scalars.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace understudy::config;
using namespace understudy::config::test;

namespace {

// SHA-256 of "abc", FIPS 180-2, appendix B.1.
constexpr std::string_view kAbc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

}  // namespace

TEST_CASE("A key's stored form is its SHA-256") {
    REQUIRE(stored_form("abc") == kAbc);
    REQUIRE(parse_stored_form(kAbc) == digest_of("abc"));
    std::string upper(kAbc);
    for (std::size_t i = 7; i < upper.size(); ++i)
        upper[i] = static_cast<char>(std::toupper(upper[i]));
    REQUIRE(parse_stored_form(upper) == digest_of("abc"));
}

TEST_CASE("What is no hash is none") {
    const std::string good(kAbc);
    for (const std::string& bad :
         {std::string("sha256:"), good.substr(0, good.size() - 1), good + "0",
          "sha256:" + std::string(64, 'g'), "SHA256:" + good.substr(7), " " + good, good.substr(7),
          std::string("sk-x")}) {
        CAPTURE(bad);
        REQUIRE_FALSE(parse_stored_form(bad));
    }
}

TEST_CASE("A new key is as long as its randomness and needs no quotes") {
    std::array<std::uint8_t, 32> random{};
    REQUIRE(key_from(random) == "sk-us-" + std::string(43, 'A'));
    random.fill(0xff);
    REQUIRE(key_from(random) == "sk-us-" + std::string(42, '_') + "8");
    std::set<std::string> keys;
    for (std::size_t bit = 0; bit < 256; ++bit) {  // each bit matters
        random.fill(0);
        random[bit / 8] = static_cast<std::uint8_t>(1U << (bit % 8));
        keys.insert(key_from(random));
    }
    REQUIRE(keys.size() == 256);
}

TEST_CASE("A configuration takes a hash for a key, and says what is wrong with one") {
    const std::string head =
        "upstreams: [{ name: one, base_url: 'https://a.example/v1' }]\nkeys:\n";
    const auto config =
        load_yaml(head + "  - { name: a, key: '" + std::string(kAbc) + "' }\n").config;
    REQUIRE(config);
    REQUIRE(config->keys[0].sha256 == digest_of("abc"));
    REQUIRE(config->warnings.empty());
    const std::string others[] = {"SHA256:" + std::string(64, 'a'),
                                  "sha512:" + std::string(128, 'a'),
                                  "sha-256=" + std::string(64, 'a'), std::string("MD5:abc")};
    for (const auto& hash : others) {
        const auto odd = problems_of(head + "  - { name: a, key: '" + hash + "' }\n");
        REQUIRE(odd.size() == 1);
        REQUIRE(odd[0].find("keys[0].key: is a hash in another form than `sha256:`") !=
                std::string::npos);
    }
    const auto wrong = problems_of(head + "  - { name: a, key: 'sha256:abc' }\n");
    REQUIRE(wrong.size() == 1);
    REQUIRE(wrong[0].find("keys[0].key: begins with sha256:") != std::string::npos);
    const auto same = problems_of(head + "  - { name: a, key: abc }\n  - { name: b, key: '" +
                                  std::string(kAbc) + "' }\n");
    REQUIRE(same.size() == 1);
    REQUIRE(same[0].find("is the same as that of \"a\"") != std::string::npos);
}

TEST_CASE("A time is a day's end or a moment, in UTC") {
    using namespace std::chrono;
    struct Row {
        std::string_view text, meant;
    };
    for (const auto& [text, meant] : {Row{"2026-12-31", "2027-01-01T00:00:00Z"},
                                      Row{"2026-12-31T18:05:09Z", "2026-12-31T18:05:09Z"},
                                      Row{"2028-02-29", "2028-03-01T00:00:00Z"},
                                      Row{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"}}) {
        CAPTURE(text);
        const auto time = parse_time(text);
        REQUIRE(time);
        REQUIRE(format_time(*time.value) == meant);
    }
    for (const std::string_view bad :
         {"", "soon", "2026-13-01", "2026-02-30", "2026-1-1", "26-12-31", "1969-12-31",
          "2026-12-31T", "2026-12-31T18:00", "2026-12-31T18:00:00", "2026-12-31T24:00:00Z",
          "2026-12-31T18:60:00Z", "2026-12-31 18:00:00Z", "2026-12-31T18:00:00+01:00",
          "2026-12-311"}) {
        CAPTURE(bad);
        REQUIRE_FALSE(parse_time(bad));
        REQUIRE(parse_time(bad).error.find("write 2026-12-31") != std::string::npos);
    }
}
