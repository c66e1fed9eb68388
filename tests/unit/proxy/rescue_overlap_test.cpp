// How much of a continuation was sent before, and what stands between the two.
#include "proxy/rescue/lead_in.hpp"
#include "proxy/rescue/letters.hpp"
#include "proxy/rescue/overlap.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::proxy::rescue;

namespace {

const std::string kSent =
    "The committee met on Tuesday to discuss the budget. After a long debate, it was decided that "
    "the bridge would be built in three stages, beginning with the northern pier";

std::string joined(const std::string& sent, const std::string& rest, const Joint& joint) {
    return sent + joint.glue + rest.substr(joint.skip);
}

}  // namespace

TEST_CASE("Characters, words and their beginnings") {
    CHECK(letter_of('a') == Letter::word);
    CHECK(letter_of('_') == Letter::word);
    CHECK(letter_of('-') == Letter::other);
    CHECK(letter_of(0xE9) == Letter::word);     // e acute
    CHECK(letter_of(0x416) == Letter::word);    // Cyrillic
    CHECK(letter_of(0xAC00) == Letter::word);   // Hangul
    CHECK(letter_of(0x6F22) == Letter::dense);  // Han
    CHECK(letter_of(0x3042) == Letter::dense);  // kana
    CHECK(letter_of(0x0E01) == Letter::dense);  // Thai
    CHECK(letter_of(0x2019) == Letter::other);
    CHECK(letter_of(0x1F600) == Letter::other);
    CHECK(letter_of(0) == Letter::other);
    CHECK(count_words("It's 3 o'clock.") == 5);
    CHECK(count_words("\xE6\xBC\xA2\xE5\xAD\x97 a") == 3);
    CHECK(first_word("caf\xC3\xA9 x") == "caf\xC3\xA9");
    CHECK(has_word("the cat sat", "cat"));
    CHECK_FALSE(has_word("the cats sat", "cat"));
    CHECK(begins_word("ab c", 0));
    CHECK_FALSE(begins_word("ab c", 1));
    CHECK_FALSE(begins_word("ab c", 2));
    CHECK(begins_word("ab c", 3));
    CHECK(character_before("a\xF0\x9F\x98\x80", 5).code == 0x1F600);
    CHECK(character_at("\xC3", 0).code == 0xC3);  // cut short: the byte
}

TEST_CASE("A text that repeats itself proves nothing") {
    CHECK(repeats_itself("0, 0, 0, 0, "));
    CHECK(repeats_itself("abab"));
    CHECK_FALSE(repeats_itself("abcab"));
    CHECK_FALSE(repeats_itself(kSent));
}

TEST_CASE("Behind a prefill only a long repetition of the last words counts") {
    struct Row {
        std::string head;
        std::size_t bytes;
        bool settled;
    };
    const std::string last = "three stages, beginning with the northern pier";
    const std::vector<Row> rows{
        {" and", 0, true},
        {"pier and", 0, true},  // one word may well come twice
        {"the northern pier", 0, true},
        {"three st", 0, false},
        {last, last.size(), true},
        {last + " and", last.size(), true},
        {"x" + last, 0, true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.head);
        const auto overlap = accidental_overlap(kSent, row.head);
        CHECK(overlap.bytes == row.bytes);
        CHECK(overlap.settled == row.settled);
        CHECK(overlap.repeated == (row.bytes > 0));
    }
    // A refrain is told again because it is one.
    const std::string refrain = "and the wind blew over the hills and far away";
    CHECK(accidental_overlap("One. " + refrain + ". Two. " + refrain, refrain + ". Three").bytes ==
          0);
}

TEST_CASE("Behind an instruction any of the last words may come again, in some dress") {
    struct Row {
        std::string head;
        std::size_t bytes;
    };
    const std::vector<Row> rows{
        {"beginning with the northern pier and", 32},
        {"northern pier and", 13},
        {"pier, and", 4},
        {"\n\nwith the northern pier and", 24},
        {"\"with the northern pier and", 23},
        {"\xE2\x80\x9Cwith the northern pier\xE2\x80\x9D and", 28},
        {"...with the northern pier and", 25},
        {"\xE2\x80\xA6 northern pier and", 17},
        {"with the\nnorthern  pier and", 23},
        {"<last_words>with the northern pier</last_words> and", 47},
        {"Beginning with the northern pier and", 32},  // with a capital
        {"Sure, here is the rest: three stages, beginning with the northern pier and", 70},
    };
    for (const Row& row : rows) {
        CAPTURE(row.head);
        const auto overlap = instructed_overlap(kSent, row.head, true);
        CHECK(overlap.bytes == row.bytes);
        CHECK(overlap.repeated);
    }
    for (const char* head : {" and was finished", "and was finished", "peer and", "rthern pier and",
                             "northern peer"}) {
        CAPTURE(head);
        CHECK_FALSE(instructed_overlap(kSent, head, true).repeated);
    }
}

TEST_CASE("An instructed beginning is held until it is clear") {
    CHECK_FALSE(instructed_overlap(kSent, "", false).settled);
    CHECK_FALSE(instructed_overlap(kSent, "with the", false).settled);
    CHECK_FALSE(instructed_overlap(kSent, "\"", false).settled);
    CHECK_FALSE(instructed_overlap(kSent, "pier", false).settled);  // of "piers"?
    CHECK_FALSE(instructed_overlap(kSent, "pier ", false).settled);
    CHECK(instructed_overlap(kSent, "pier " + std::string(200, 'x'), false).settled);
    CHECK(instructed_overlap(kSent, "northern pier and", false).settled);
    CHECK_FALSE(instructed_overlap(kSent, "and was finished", false).settled);
    CHECK(instructed_overlap(kSent, std::string(200, 'x'), false).settled);
    CHECK(instructed_overlap(kSent, "and", true).settled);
}

TEST_CASE("The last word may be half of one, or the beginning of another") {
    // Half a word, told again whole.
    CHECK(instructed_overlap("We must not conti", "continue here", true).bytes == 5);
    CHECK(instructed_overlap("We must not conti", "not continue here", true).bytes == 9);
    // "the" is a word and "then" another one.
    CHECK_FALSE(instructed_overlap("and so the", "then we go", true).repeated);
    CHECK_FALSE(instructed_overlap("The cat likes my cat", "category", true).repeated);
    // The first dot of an ellipsis is no full stop told again.
    CHECK_FALSE(instructed_overlap("It rained.", "... and then", true).repeated);
}

TEST_CASE("Words that any answer may begin with are no repetition of the last ones") {
    struct Row {
        std::string sent, head;
        bool repeated;
    };
    const std::vector<Row> rows{
        {"What they have and I", "I'm sorry, but I can't help with that.", false},
        {"First you take it. It", "It seems that your message was cut off.", false},
        {"So I can", "I can't help with that.", false},
        {"He said: \"", "\"I cannot go on.\"", false},
        {"The end is done.", ". Is there anything else?", false},
        {"A bridge is a bridge", "bridge and", false},  // it stands there twice
        {"We crossed that bridge", "bridge and", true},
        {"We crossed that", "that and so on", false},
        {"The", "The bridge", true},  // all that was sent
        {"and then it is what it is", "what it is and", true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.sent, row.head);
        CHECK(instructed_overlap(row.sent, row.head, true).repeated == row.repeated);
    }
}

TEST_CASE("What follows exactly joins at the white space") {
    struct Row {
        std::string sent, rest, whole;
    };
    const std::vector<Row> rows{
        {"one", " two", "one two"},
        {"one", "two", "onetwo"},
        {"one ", " two", "one two"},
        {"one ", "two", "one two"},
        {"one ", "  two", "one  two"},
        {"one\n\n", "\n\ntwo", "one\n\ntwo"},
        {"one\n\n", "\ntwo", "one\n\ntwo"},
        {"one\n", "\n\ntwo", "one\n\ntwo"},
        {"one ", "\n\ntwo", "one \n\ntwo"},
        {"one\n\n", " two", "one\n\ntwo"},
        {"if x:\n    ", "\n    go()", "if x:\n    go()"},
        {"if x:\n", "\n    go()", "if x:\n    go()"},
        {"", "one", "one"},
        {"\n\n", "one", "\n\none"},
        // Half a character, and the white space in front of it.
        {"a \xED\xA0\xBD", " \xF0\x9F\x98\x80!", "a \xED\xA0\xBD\xED\xB8\x80!"},
        {"a\xED\xA0\xBD", "\xF0\x9F\x98\x80!", "a\xED\xA0\xBD\xED\xB8\x80!"},
        {"a\xF0\x9F", "\xF0\x9F\x98\x80!", "a\xF0\x9F\x98\x80!"},
        {"a\xED\xA0\xBD", "b",
         "a\xED\xA0\xBD"
         "b"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.sent, row.rest);
        CHECK(joined(row.sent, row.rest, join_exactly(row.sent, row.rest)) == row.whole);
    }
}

TEST_CASE("Code blocks are known from the text") {
    CHECK(ends_in_block("a\n```py\nx"));
    CHECK_FALSE(ends_in_block("a\n```py\nx\n```"));
    CHECK(ends_in_block("1. x\n   ```\n   y"));
    CHECK(fence_line("```python\nx") == 10);
    CHECK(fence_line("```python") == 0);
    CHECK(ellipsis("....x") == 4);
    CHECK(ellipsis("..x") == 0);
}
