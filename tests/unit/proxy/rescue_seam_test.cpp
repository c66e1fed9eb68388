// The seam between two texts, fed whole and byte by byte.
#include "proxy/rescue/seam.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <utility>
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

TEST_CASE("Instruct: what was put around the whole rest closes it in vain") {
    const std::string sent = "The committee met on the northern pier";
    const std::string words = "on the northern pier";
    check(
        Rung::instruct,
        {
            {sent, "\"" + words + " and left.\"", " and left."},
            {sent, "\"" + words + " and left.\"\n\n", " and left."},
            {sent, "'" + words + " and didn't leave.'", " and didn't leave."},
            {sent, "`" + words + " and left.`", " and left."},
            {sent, "\"\"\"" + words + " and left.\"\"\"", " and left."},
            {sent, "... \"" + words + " and left.\"", " and left."},
            {sent, "<last_words>" + words + " and left.</last_words>", " and left."},
            {sent, "<last_words>\"" + words + " and left.\"</last_words>", " and left."},
            {sent, "<last_words>" + words + "</last_words> and left.", " and left."},
            {sent, "<last_words>\"" + words + "\"</last_words> and left.", " and left."},
            {sent, "```\n" + words + " and left.\n```", " and left.\n"},
            {"A bridge stands on the northern pier",
             "Here is the rest: \"on the northern pier and falls.\"", " and falls."},
            {words, "Here is the rest:\n```text\n" + words + " and falls.\n```\n", " and falls.\n"},
            // In the middle it is not known to be the one that closes.
            {sent, "\"" + words + " and left.\" So it ended.", " and left.\" So it ended."},
            {sent, "\"" + words + "\" and left.\"", " and left.\""},
            // What the rest quotes is closed once for itself.
            {sent, "\"" + words + " and said \"no.\"\"", " and said \"no.\""},
            {sent, "\"" + words + " and said \"no.\"", " and said \"no.\""},
            {sent, "\"" + words + " and said 'no.'\"", " and said 'no.'"},
            {sent, words + " and said \"no.\"", " and said \"no.\""},
            // So it is where the first stream has opened it.
            {"He said: \"" + sent, "\"" + words + " and left.\"", " and left.\""},
            {"He said: \"" + sent, "\"" + words + " and left.\"\"", " and left.\""},
            {"He said: \"" + sent, "\"" + words + "\" and left.\"", "\" and left."},
            {"He said: \"" + sent, "'" + words + " and left.\"'", " and left.\""},
            {"Say:\n```\n" + sent, "```\n" + words + " and left.\n```", " and left.\n```"},
            {"Say:\n```\n" + sent, "```\n" + words + " and left.\n```\nDone.\n```",
             " and left.\n```\nDone.\n"},
            // An apostrophe at the end of a word is no mark, and in doubt nothing is lost.
            {"The dogs' dinner was " + sent, "'" + words + " of oak.'", " of oak.'"},
            {sent, "'" + words + "' of oak", " of oak"},
            {sent, "\"" + words + "s' tails\"", "s' tails"},
        });
    for (const auto& [open, close] :
         std::vector<std::pair<std::string, std::string>>{{"\xE2\x80\x9C", "\xE2\x80\x9D"},
                                                          {"\xE2\x80\x98", "\xE2\x80\x99"},
                                                          {"\xC2\xAB", "\xC2\xBB"},
                                                          {"\xE2\x80\x9E", "\xE2\x80\x9C"}}) {
        CAPTURE(open, close);
        CHECK(run(Rung::instruct, {sent, open + words + " and left." + close, ""}, 1000) ==
              " and left.");
        const auto quotes = " and said " + open + "no." + close;
        CHECK(run(Rung::instruct, {sent, open + words + quotes + close, ""}, 1000) == quotes);
        CHECK(run(Rung::instruct, {"A " + open + sent, open + words + " left." + close, ""},
                  1000) == " left." + close);
    }
}

TEST_CASE("Of an open seam only what may close is held, and given as soon as more follows") {
    const std::string sent = "The committee met on the northern pier";
    Seam seam(Rung::instruct, sent);
    std::string out;
    seam.feed(sent, "\"on the northern pier and left.", out);
    CHECK(seam.state() == State::open);
    CHECK(out == " and left.");
    CHECK_FALSE(seam.passes_all());
    seam.feed(sent, "\"", out);
    seam.feed(sent, "\n", out);
    CHECK(out == " and left.");
    seam.feed(sent, "Then", out);
    CHECK(out == " and left.\"\nThen");
    // White space alone is not held, and behind a mark only so much of it.
    seam.feed(sent, "\n", out);
    CHECK(out.ends_with("Then\n"));
    const auto before = out.size();
    seam.feed(sent, "\"" + std::string(4095, ' '), out);
    CHECK(out.size() == before);
    seam.feed(sent, " ", out);
    CHECK(out.size() == before + 4097);
    seam.feed(sent, "\"", out);
    seam.let_go(out);
    CHECK(out.ends_with("\""));
    CHECK(seam.passes_all());
    // Without a mark in front nothing is looked at.
    Seam bare(Rung::instruct, sent);
    bare.feed(sent, "on the northern pier and", out);
    CHECK(bare.passes_all());
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
