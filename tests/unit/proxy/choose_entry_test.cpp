#include "proxy/choose_entry.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::proxy;
using namespace std::chrono_literals;
using understudy::net::TimePoint;
using understudy::upstreams::Availability;
using Kind = Availability::Kind;

namespace {

constexpr TimePoint kNow{TimePoint::duration(1'000'000'000'000)};

// "r": ready, "p": the probe, "o5": resting for 5 s, "n5": the provider said so, "d": down.
std::vector<Availability> chain_of(const std::string& text) {
    std::vector<Availability> chain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ' ') continue;
        if (text[i] == 'r') chain.push_back({});
        if (text[i] == 'p') chain.push_back({Kind::probe, kNow});
        if (text[i] == 'd') chain.push_back({Kind::down, {}});
        if (text[i] != 'o' && text[i] != 'n') continue;
        const auto until = kNow + std::chrono::seconds(text[i + 1] - '0');
        chain.push_back({text[i] == 'o' ? Kind::resting : Kind::named, until});
    }
    return chain;
}

std::string said(const Choice& choice) {
    std::string out = choice.entry ? std::to_string(*choice.entry) : "none";
    if (choice.all_rest) out += " although it rests";
    if (choice.recovery) {
        out += ", until " + std::to_string((*choice.recovery - kNow) / 1s);
    }
    return out;
}

}  // namespace

TEST_CASE("which entry of a chain is asked") {
    struct Row {
        const char* chain;
        std::size_t from;
        bool untried;
        const char* expected;
    };
    const std::vector<Row> rows{
        // Who is well is asked in the order of the chain.
        {"r r r", 0, true, "0"},
        {"p r", 0, true, "0"},
        {"o5 r r", 0, true, "1"},
        {"d n5 r", 0, true, "2"},
        {"o5 p", 0, true, "1"},
        // After a failure the next that may be asked.
        {"r r r", 1, false, "1"},
        {"r o5 r", 1, false, "2"},
        {"r r", 2, false, "none"},
        {"r o5", 1, false, "none, until 5"},
        {"r d", 1, false, "none"},
        {"r d n3 o5", 1, false, "none, until 3"},
        // All rest: the one that rests for the shortest time.
        {"o5", 0, true, "0 although it rests"},
        {"o5 o3 o4", 0, true, "1 although it rests"},
        {"o3 o3", 0, true, "0 although it rests"},
        {"o5 o0", 0, true, "1 although it rests"},
        {"d o5", 0, true, "1 although it rests"},
        // But nobody before a time that the provider has named, and not who is down.
        {"n2 o5", 0, true, "1 although it rests"},
        {"n5 n2", 0, true, "none, until 2"},
        {"d n4 d", 0, true, "none, until 4"},
        {"d d", 0, true, "none"},
        {"", 0, true, "none"},
        // Entries that were left behind without being tried do not come back.
        {"o1 o5", 1, true, "1 although it rests"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.chain, row.from, row.untried);
        CHECK(said(choose_entry(chain_of(row.chain), row.from, row.untried)) == row.expected);
    }
}
