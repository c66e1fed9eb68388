// The seam between two texts, fed whole and byte by byte.
#include "proxy/rescue/seam.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace understudy::proxy::rescue;
using State = Seam::State;

namespace {

struct Row {
    std::string sent, second, rest;  // rest "!": it is another answer
};

/// What goes out behind `sent`, in pieces of `step` bytes; and `held`, the state before the end.
std::string run(Rung rung, const Row& row, std::size_t step, State* before_end = nullptr) {
    Seam seam(rung, row.sent);
    std::string out;
    for (std::size_t at = 0; at < row.second.size(); at += step) {
        seam.feed(row.sent, std::string_view(row.second).substr(at, step), out);
        if (seam.state() == State::holding) REQUIRE(out.empty());
    }
    if (before_end != nullptr) *before_end = seam.state();
    seam.finish(row.sent, out);
    REQUIRE(seam.state() != State::holding);
    if (seam.state() == State::diverged) {
        REQUIRE(out.empty());
        return "!";
    }
    return out;
}

void check(Rung rung, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        CAPTURE(row.sent, row.second);
        for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
            CAPTURE(step);
            CHECK(run(rung, row, step) == row.rest);
        }
    }
}

const std::string kLong =
    "The committee met on Tuesday to discuss the budget of the coming year and the bridge";

}  // namespace

TEST_CASE("Restart: what is the same is left out, and nothing else is let through") {
    check(Rung::restart, {
                             {"one two", "one two three", " three"},
                             {"one two", "one two", ""},
                             {"one ", "one two", "two"},
                             {"one two", "one too", "!"},
                             {"one two", "one", "!"},
                             {"one two", "", "!"},
                             {"one  ", "one two", "!"},
                             {"", "one", "one"},
                             {"\n", "one", "one"},  // nothing was said: any answer will do
                             {kLong, kLong + ", too.", ", too."},
                         });
    // Half a pair; whole characters come in one piece.
    CHECK(run(Rung::restart, {"a\xED\xA0\xBD", "a\xF0\x9F\x98\x80!", ""}, 1000) == "\xED\xB8\x80!");
    CHECK(run(Rung::restart, {"a\xED\xA0\xBD", "ab", ""}, 1000) == "!");
    CHECK(run(Rung::restart, {"a\xF0\x9F", "a\xF0\x9F\x98\x80!", ""}, 1000) == "\x98\x80!");
    CHECK(run(Rung::restart, {"a \xED\xA0\xBD", "a \xF0\x9F\x98\x80!", ""}, 1000) ==
          "\xED\xB8\x80!");
}

TEST_CASE("Prefill: the rest passes, and a server that says the beginning again is seen through") {
    check(Rung::prefill, {
                             {"one two", " three", " three"},
                             {"one tw", "o three", "o three"},
                             {"one two ", " three", "three"},
                             {"one two", "", ""},
                             {"one two", "two three", "two three"},
                             {"one two", "one two three", "one two three"},  // too short to tell
                             {kLong, kLong + ", too.", ", too."},
                             {kLong + "\n", kLong + "\n\nNext", "\nNext"},
                             {kLong, " The committee", " The committee"},
                             {kLong, "The committee met again", "The committee met again"},
                             {kLong, kLong.substr(0, 60) + " other things", "!"},
                             {kLong, kLong.substr(0, 60), "!"},
                             {kLong, "of the coming year and the bridge, of the sea",
                              "of the coming year and the bridge, of the sea"},
                             {kLong, "budget of the coming year and the bridge, too", ", too"},
                             {"0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,",
                              " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1",
                              " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1"},
                         });
}

TEST_CASE("Instruct: no word twice, none lost, and no other answer than the one begun") {
    check(Rung::instruct,
          {
              {kLong, "the coming year and the bridge, too.", ", too."},
              {kLong, "\"year and the bridge\" over the river", " over the river"},
              {kLong, kLong + " over the river", " over the river"},
              {kLong, "\n\n" + kLong + " over", " over"},
              {kLong, kLong.substr(0, 70) + "and something else", "!"},
              // It was to begin with the last words, and whatever does not is something else.
              {kLong, "over the river", "!"},
              {kLong, " over the river", "!"},
              {kLong, "", "!"},
              {kLong, "\n\n", "!"},
              {kLong, "The committee, however", "!"},
              {kLong, "I'm sorry, but I can't help with that.", "!"},
              {kLong, "It seems your message was cut off. What would you like me to do?", "!"},
              {kLong, "year and the bridge", ""},  // nothing was missing
              {"one two ", "two three", "three"},
              {"one two\n\n", "two\n\nthree", "three"},
              {"one two\n", "two\n\nthree", "\nthree"},
              {"We conti", "conti", ""},
              {"We conti", "We continue here", "nue here"},
              {"Say \xF0\x9F\x98\x80 cheese", "\xF0\x9F\x98\x80 cheese and go", " and go"},
              {"\xE6\xBC\xA2\xE5\xAD\x97", "\xE5\xAD\x97\xE6\xBC\xA2", "\xE6\xBC\xA2"},
          });
}

TEST_CASE("The seam opens as soon as it can") {
    State state{};
    run(Rung::prefill, {kLong, " o", ""}, 1, &state);
    CHECK(state == State::open);
    run(Rung::prefill, {kLong + " ", "z", ""}, 1, &state);
    CHECK(state == State::open);
    run(Rung::restart, {"one", "one", ""}, 1, &state);
    CHECK(state == State::open);
    run(Rung::instruct, {kLong, "and the bridge o", ""}, 1, &state);
    CHECK(state == State::open);
    run(Rung::instruct, {kLong, "over the river", ""}, 1, &state);
    CHECK(state == State::holding);
    run(Rung::instruct, {kLong, "over " + std::string(200, 'x'), ""}, 1, &state);
    CHECK(state == State::diverged);
    run(Rung::prefill, {kLong, kLong.substr(0, 60) + " other", ""}, 1, &state);
    CHECK(state == State::diverged);
}

TEST_CASE("What is held is bounded, and what is not clear by then is decided") {
    const std::size_t kBound = 10'000;
    for (const auto rung : {Rung::prefill, Rung::instruct}) {
        for (const std::string& sent : {kLong, kLong + " ", std::string("\n")}) {
            for (const std::string& piece :
                 {std::string("\n"), std::string(60'000, ' '), std::string(16, '.'),
                  std::string("\""), std::string(" \xE2\x80\xA6"), std::string("budget ")}) {
                Seam seam(rung, sent);
                std::string out;
                std::size_t most = 0;
                for (int i = 0; i < 20'000 && seam.state() == State::holding; ++i) {
                    seam.feed(sent, piece, out);
                    most = std::max(most, seam.bytes());
                }
                CAPTURE(name_of(rung), sent, piece.substr(0, 8));
                CHECK(seam.state() != State::holding);
                CHECK(most < kBound + 3 * piece.size());
            }
        }
    }
}

TEST_CASE("Where it is not known any more what was sent, nothing goes on") {
    for (const auto rung : {Rung::prefill, Rung::instruct, Rung::restart}) {
        Seam seam(rung, kLong);
        std::string out;
        CHECK(seam.feed(kLong, kLong.substr(0, 60), out) == State::holding);
        CHECK(seam.feed("", kLong.substr(60), out) == State::diverged);
        CHECK(out.empty());
    }
}

TEST_CASE("A text that is long starts over without being held more than once") {
    std::string sent;
    for (int i = 0; i < 20'000; ++i) sent += std::to_string(i * 7919 % 10007) + " ";
    Seam seam(Rung::instruct, sent);
    std::string out;
    for (std::size_t at = 0; at < sent.size(); at += 5) {
        seam.feed(sent, std::string_view(sent).substr(at, 5), out);
    }
    seam.feed(sent, "end", out);
    CHECK(seam.state() == State::open);
    CHECK(out == "end");
    CHECK(seam.started_over());
    CHECK(seam.bytes() < 100);
}
