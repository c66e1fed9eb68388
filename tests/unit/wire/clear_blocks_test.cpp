#include "wire/clear_blocks.hpp"

#include "wire/request_body.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>

using namespace understudy::wire;

namespace {

constexpr std::size_t kBlock = ClearBlocks::kBlock;
constexpr std::size_t kNone = ClearBlocks::kNone;

/// What is known of `text` when it has come in pieces of up to `piece` bytes.
ClearBlocks known(std::string_view text, std::size_t piece) {
    ClearBlocks clear;
    for (std::size_t came = 0; came < text.size();) {
        came = std::min(came + piece, text.size());
        clear.extend(text.substr(0, came));
    }
    return clear;
}

void check_run(const ClearBlocks& clear, std::size_t at, std::size_t begin, std::size_t end) {
    INFO("from " << at);
    CHECK(clear.run_behind(at) == begin);
    if (begin != kNone) CHECK(clear.end_of_run(begin) == end);
}

/// A scan that steps over clear blocks finds what a scan without them finds.
void check_same(const std::string& body, std::size_t piece) {
    INFO(body.size() << " bytes in pieces of " << piece);
    RequestFacts plain;
    RequestFacts hinted;
    const auto clear = known(body, piece);
    const auto problem = scan_request(body, plain);
    const auto same = scan_request(body, hinted, &clear);
    REQUIRE(problem.has_value() == same.has_value());
    if (problem) {
        CHECK(problem->offset == same->offset);
        CHECK(std::string_view(problem->what) == same->what);
        return;
    }
    CHECK(plain.model == hinted.model);
    CHECK(plain.stream == hinted.stream);
    REQUIRE(plain.members.size() == hinted.members.size());
    for (std::size_t i = 0; i < plain.members.size(); ++i) {
        CHECK(plain.members[i].key == hinted.members[i].key);
        CHECK(plain.members[i].value == hinted.members[i].value);
    }
}

}  // namespace

TEST_CASE("A run of clear blocks ends at the first block with a stop, or where nothing has come") {
    std::string text(6 * kBlock + 100, 'a');
    text[kBlock + 7] = '"';
    text[4 * kBlock - 1] = '\\';
    for (const std::size_t piece : {std::size_t{1}, kBlock - 1, kBlock, kBlock + 1, text.size()}) {
        const auto clear = known(text, piece);
        check_run(clear, 0, 0, kBlock);
        check_run(clear, 1, kNone, 0);  // the next block has the quote
        check_run(clear, kBlock, kNone, 0);
        check_run(clear, kBlock + 8, 2 * kBlock, 3 * kBlock);
        check_run(clear, 2 * kBlock, 2 * kBlock, 3 * kBlock);
        check_run(clear, 3 * kBlock + 1, 4 * kBlock, 6 * kBlock);  // the rest is no whole block
        check_run(clear, 6 * kBlock, kNone, 0);
        check_run(clear, 100 * kBlock, kNone, 0);
    }
}

TEST_CASE("Each of the bytes that stop a string makes its block unclear, others do not") {
    for (int byte = 0; byte < 256; ++byte) {
        std::string text(kBlock, 'a');
        text[static_cast<std::size_t>(byte) * 16] = static_cast<char>(byte);
        ClearBlocks clear;
        clear.extend(text);
        const bool stops = byte < 0x20 || byte == '"' || byte == '\\';
        INFO("byte " << byte);
        CHECK((clear.run_behind(0) == 0) == !stops);
    }
}

TEST_CASE("Nothing is known at first, nor after it was forgotten") {
    ClearBlocks clear;
    CHECK(clear.empty());
    clear.extend(std::string(kBlock - 1, 'a'));
    CHECK(clear.empty());
    clear.extend(std::string(70 * kBlock, 'a'));
    CHECK_FALSE(clear.empty());
    check_run(clear, 1, kBlock, 70 * kBlock);
    clear.clear();
    CHECK(clear.empty());
    check_run(clear, 0, kNone, 0);
}

TEST_CASE(
    "A scan with what is known of a body finds the same, wherever its strings begin and end") {
    for (std::size_t before = kBlock - 40; before < kBlock + 40; ++before) {
        const std::string pad(before, 'p');
        const std::string image(2 * kBlock, 'A');
        check_same(R"({"user":")" + pad + R"(","messages":[")" + image + R"("],"model":"m"})",
                   1000);
        check_same(R"({"user":")" + pad + "\\n" + image + R"(","model":"m","stream":true})", 5000);
        check_same(R"({")" + pad + image + R"(":1,"model":"m"})", 4096);
        check_same(R"({"a":")" + pad + image + '\x01' + image + R"("})", 4096);  // not valid
        check_same(R"({"a":")" + pad + image, 4096);                             // no end
        check_same(R"({"a":")" + pad + image + "\\", 4096);
    }
}

TEST_CASE("A scan with what is known of a body finds the same in bodies made at random") {
    std::mt19937 random(7);  // fixed: a failure can be repeated
    const auto pick = [&](std::size_t n) { return random() % n; };
    for (int round = 0; round < 300; ++round) {
        std::string body = "{";
        for (std::size_t member = 0, members = 1 + pick(6); member < members; ++member) {
            body += member == 0 ? "\"k" : ",\"k";
            body += std::to_string(member) + "\":\"" + std::string(pick(3 * kBlock), 'x');
            if (pick(2) == 0) body += R"(\"\\)" + std::string(pick(3 * kBlock), 'y');
            body += '"';
        }
        body += R"(,"model":"m"})";
        if (pick(3) == 0) body[pick(body.size())] = "\"\\\x02,}"[pick(5)];
        check_same(body, 1 + pick(3 * kBlock));
    }
}
