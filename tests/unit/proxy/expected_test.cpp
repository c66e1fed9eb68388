// What a request may use and cost at most, by table.
#include "proxy/expected.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy;
using namespace understudy::proxy;

namespace {

PromptSize size_of(const std::string& body) {
    wire::RequestFacts facts;
    REQUIRE_FALSE(wire::scan_request(body, facts));
    return prompt_size(body, facts);
}

std::uint64_t prompt_of(const std::string& body) {
    return size_of(body).expected;
}

std::string user(const std::string& parts) {
    return R"({"messages":[{"role":"user","content":[)" + parts + "]}]}";
}

std::string repeated(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

metrics::ModelPrice price(std::int64_t input, std::int64_t output) {
    metrics::ModelPrice p;
    p.standard.input = input;
    p.standard.output = output;
    return p;
}

}  // namespace

TEST_CASE("A prompt is rated by its text, rather too high than too low") {
    const std::string text(3000, 'a');
    REQUIRE(prompt_of(R"({"messages":[{"role":"user","content":")" + text + R"("}]})") >= 1000);
    REQUIRE(prompt_of(R"({"messages":[{"role":"user","content":")" + text + R"("}]})") < 1100);
    const std::string picture(100'000, 'A');
    const auto with_picture = prompt_of(
        R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:)" +
        picture + R"("}}]}]})");
    REQUIRE(with_picture >= 2000);
    REQUIRE(with_picture < 2100);
    REQUIRE(prompt_of(R"({"model":"m"})") == 0);
    REQUIRE(prompt_size("--x\r\nno JSON", {}).expected == 0);
}

TEST_CASE("What is held for a prompt counts each thing in it, whoever's words it is in") {
    const auto data = repeated("JVBERi0xLjQK", 10'000);  // 120,000 characters
    constexpr std::uint64_t document = 30'000, sound = 3750, file = 16'000, image = 2000;
    const auto url = [&](const std::string& mime) { return "data:" + mime + ";base64," + data; };
    struct Row {
        std::string body;
        std::uint64_t most;
    };
    const std::string picture = R"({"type":"image_url","image_url":{"url":"https://a.example/b"}})";
    const Row rows[] = {
        {R"({"messages":[{"role":"user","content":"hi"}]})", 2000},
        {R"({"model":"m"})", 2000},
        {user(picture), image},
        {user(repeated(picture + ",", 7) + picture), 8 * image},
        {user(R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":")" +
              data + R"("}},{"type":"image","source":{"type":"url","url":"https://a.example"}},)" +
              R"({"type":"image","source":{"type":"file","file_id":"f"}})"),
         3 * image},
        {R"({"input":[{"role":"user","content":[{"type":"input_image","image_url":")" +
             url("image/png") + R"("},{"type":"input_image","file_id":"f"}]}]})",
         2 * image},
        {user(R"({"type":"file","file":{"filename":"a.pdf","file_data":")" +
              url("application/pdf") + R"("}})"),
         document},
        {user(R"({"type":"file","file":{"file_id":"f"}})"), file},
        {R"({"input":[{"role":"user","content":[{"type":"input_file","filename":"a","file_data":")" +
             url("application/pdf") + R"("},{"type":"input_file","file_id":"f"},)" +
             R"({"type":"input_file","file_url":"https://a.example/b.pdf"}]}]})",
         document + 2 * file},
        {R"({"input":"x","previous_response_id":"resp_1"})", file + 1},
        {R"({"contents":[],"cachedContent":"cachedContents/a"})", file},
        {user(R"({"type":"document","source":{"type":"base64","media_type":"application/pdf",)"
              R"("data":")" +
              data + R"("}})"),
         document},
        {user(R"({"type":"document","source":{"type":"url","url":"https://a.example/b.pdf"}})"),
         file},
        {user(R"({"type":"document","source":{"type":"file","file_id":"f"}})"), file},
        {user(R"({"type":"document","source":{"type":"text","data":")" + repeated("word ", 3000) +
              R"("}})"),
         5000},
        {user(R"({"type":"text","text":"x","citations":[{"type":"file_citation","file_id":"f",)"
              R"("url":"https://a.example"}]})"),
         2000},
        {R"({"contents":[{"parts":[{"inlineData":{"mimeType":"application/pdf","data":")" + data +
             R"("}},{"inline_data":{"data":")" + data + R"(","mime_type":"audio/ogg"}},)" +
             R"({"fileData":{"mimeType":"video/mp4","fileUri":"gs://x"}},)" +
             R"({"file_data":{"mime_type":"image/png","file_uri":"gs://x"}}]}]})",
         document + sound + file + image},
        {user(R"({"type":"input_audio","input_audio":{"data":")" + data + R"(","format":"wav"}})"),
         sound},
        {user(R"({"type":"video_url","video_url":{"url":")" + url("video/mp4") + R"("}},)" +
              R"({"type":"video_url","video_url":{"url":"https://a.example"}})"),
         sound + file},
        {user(R"({"document":{"format":"pdf","name":"x","source":{"bytes":")" + data +
              R"("}}},{"image":{"format":"png","source":{"bytes":")" + data +
              R"("}}},{"video":{"format":"mp4","source":{"bytes":")" + data +
              R"("}}},{"document":{"format":"pdf","name":"y","source":{"s3Location":{"uri":)" +
              R"("s3://a/b"}}}})"),
         document + image + sound + file},
        {R"({"messages":[{"role":"tool","content":")" + repeated("JVBERi0xLjQKa1", 100) + R"("}]})",
         2000},
        {R"({"messages":[{"role":"tool","content":")" + data + R"("}]})", document},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body.substr(0, 300));
        // A few words that are text beside it.
        CHECK(size_of(row.body).most >= row.most);
        CHECK(size_of(row.body).most < row.most + 60);
    }
    CHECK(prompt_size(std::string(320'000, '-'), {}) == PromptSize{0, 10'000, 10'000, 10'000});
}

TEST_CASE("What a prompt has that may be billed at rates of its own is known") {
    const auto data = repeated("JVBERi0xLjQK", 10'000);  // 120,000 characters
    const auto sound = size_of(user(
        R"({"type":"text","text":"Hi"},{"type":"input_audio","input_audio":{"format":"wav","data":")" +
        data + R"("}})"));
    CHECK((sound.audio == 3750 && sound.images == 0 && sound.most > sound.audio));
    const auto picture = size_of(user(R"({"type":"image_url","image_url":{"url":"x"}})"));
    CHECK((picture.audio == 0 && picture.images == 2000));
    const auto text = size_of(user(R"({"type":"text","text":"Hi"})"));
    CHECK((text.audio == 0 && text.images == 0 && !text.for_an_hour));
    for (const char* hour :
         {R"({"type":"text","text":"Hi","cache_control":{"type":"ephemeral","ttl":"1h"}})",
          R"({"cachePoint":{"ttl":"1h","type":"default"}})"}) {
        CHECK(size_of(user(hour)).for_an_hour);
    }
    CHECK_FALSE(
        size_of(user(R"({"type":"text","text":"Hi","cache_control":{"ttl":"5m"}})")).for_an_hour);
}

TEST_CASE("A bound grows by what was learned, and ends where the model does") {
    CHECK(prompt_bound(3000, 100, 0) == 3000);
    CHECK(prompt_bound(3000, 0, 0) == 3000);
    CHECK(prompt_bound(3000, 250, 0) == 7500);
    CHECK(prompt_bound(3000, 250, 4096) == 4096);
    CHECK(prompt_bound(2000, 100, 512) == 512);
    CHECK(prompt_bound(100'000'000, 6400, 0) == 100'000'000);
}

TEST_CASE("The longest answer is what the request, the upstream or the model allows") {
    using wire::AnswerShape;
    wire::BodyRewrite none, sets, drops, renames;
    sets.set = {{"max_completion_tokens", "50"}, {"temperature", "1"}};
    drops.drop = {"max_tokens"};
    renames.rename = {{"max_tokens", "max_completion_tokens"}};
    const wire::AnswerLimit open{}, hundred{100, 1, {}}, thrice{100, 3, {}};
    struct Row {
        AnswerShape shape;
        wire::AnswerLimit asked;
        const wire::BodyRewrite* rewrite;
        std::uint64_t model_most, expected;
    };
    const Row rows[] = {
        {AnswerShape::chat, hundred, &none, 8000, 100},
        {AnswerShape::chat, thrice, &none, 8000, 300},
        {AnswerShape::chat, open, &none, 8000, 8000},
        {AnswerShape::chat, open, &none, 0, kUsualAnswer},
        {AnswerShape::chat, hundred, &sets, 8000, 50},
        {AnswerShape::chat, hundred, &drops, 8000, 8000},
        {AnswerShape::chat, hundred, &renames, 8000, 100},
        {AnswerShape::messages, hundred, &none, 0, 100},
        {AnswerShape::gemini, thrice, &none, 0, 300},
        {AnswerShape::images, {std::nullopt, 3, {}}, &none, 0, 3 * kPicture},
        {AnswerShape::images, open, &none, 32'768, 32'768},
        {AnswerShape::speech, open, &none, 0, kUsualAnswer},
        {AnswerShape::embeddings, open, &none, 8000, 0},
        {AnswerShape::moderations, open, &none, 8000, 0},
        {AnswerShape::chat, {UINT64_MAX, 1024, {}}, &none, 0, 100'000'000},
    };
    for (const auto& row : rows) {
        CAPTURE(static_cast<int>(row.shape), row.asked.tokens.value_or(0), row.expected);
        REQUIRE(expected_output(row.shape, row.asked, *row.rewrite, row.model_most) ==
                row.expected);
    }
}

TEST_CASE("The cost is that of the dearest way in which it may be billed") {
    REQUIRE_FALSE(expected_cost(nullptr, {1, 1}, {}));
    const metrics::ModelPrice unknown{};
    REQUIRE_FALSE(expected_cost(&unknown, {1, 1}, {}));
    auto p = price(2'500'000, 10'000'000);  // 2.50 and 10 dollars a million
    REQUIRE(expected_cost(&p, {1000, 100}, {}) == 3'500'000);
    REQUIRE(expected_cost(&p, {0, 0}, {}) == 0);
    p.standard.cache_write = 3'125'000;
    REQUIRE(expected_cost(&p, {1000, 100}, {}) == 4'125'000);
    p.priority.output = 20'000'000;
    REQUIRE(expected_cost(&p, {1000, 100}, "priority") == 5'125'000);
    auto cheap = price(1, 0);
    REQUIRE(expected_cost(&cheap, {1, 1}, {}) == 1);  // a pico-dollar, rounded up
    const auto input_only = [] {
        metrics::ModelPrice only;
        only.standard.input = 1000;
        return only;
    }();
    REQUIRE(expected_cost(&input_only, {1000, 0}, {}) == 1000);
    REQUIRE_FALSE(expected_cost(&input_only, {1000, 1}, {}));
}

TEST_CASE("Sound, pictures, thoughts and what is kept for an hour are held at their own rates") {
    const auto priced = [](std::optional<std::int64_t> metrics::Rates::*rate, std::int64_t pico) {
        auto p = price(1'000'000, 2'000'000);  // a dollar and two a million
        p.standard.*rate = pico;
        return p;
    };
    using metrics::Rates;
    Expected talk{1000, 1000}, heard{1000, 1000}, seen{1000, 1000}, kept{1000, 1000};
    heard.audio = 400;
    seen.images = 400;
    kept.for_an_hour = true;
    struct Row {
        metrics::ModelPrice price;
        const Expected* expected;
        std::int64_t cost;
    };
    const Row rows[] = {
        {price(1'000'000, 2'000'000), &heard, 3'000'000},
        {priced(&Rates::audio_output, 80'000'000), &talk, 81'000'000},
        {priced(&Rates::image_output, 40'000'000), &talk, 41'000'000},
        {priced(&Rates::reasoning, 8'000'000), &talk, 9'000'000},
        {priced(&Rates::reasoning, 1'000'000), &talk, 3'000'000},  // cheaper: the answer's counts
        {priced(&Rates::audio_input, 40'000'000), &talk, 3'000'000},
        {priced(&Rates::audio_input, 40'000'000), &heard, 18'600'000},
        {priced(&Rates::image_input, 10'000'000), &talk, 3'000'000},
        {priced(&Rates::image_input, 10'000'000), &seen, 6'600'000},
        {priced(&Rates::cache_write_1h, 4'000'000), &talk, 3'000'000},
        {priced(&Rates::cache_write_1h, 4'000'000), &kept, 6'000'000},
    };
    for (const auto& row : rows) {
        CAPTURE(&row - rows);
        CHECK(expected_cost(&row.price, *row.expected, {}) == row.cost);
    }
    auto both = priced(&Rates::audio_output, 80'000'000);
    both.standard.audio_input = 40'000'000;
    CHECK(expected_cost(&both, heard, {}) == 600'000 + 16'000'000 + 80'000'000);
}

TEST_CASE("What is paid for by the piece is held by the piece") {
    metrics::ModelPrice pictures;
    pictures.per_image = 40'000'000'000;
    REQUIRE(expected_cost(&pictures, {10, 4096}, {}, {1, 2}) == 80'000'000);
    REQUIRE(expected_cost(&pictures, {0, 0}, {}, {1, 1}) == 40'000'000);
    // Where nobody counts them, no price is known, and no budget is asked for nothing.
    REQUIRE_FALSE(expected_cost(&pictures, {10, 4096}, {}));
    pictures.standard.input = 1'000'000;
    REQUIRE_FALSE(expected_cost(&pictures, {10, 4096}, {}));
    auto both = price(1'000'000, 2'000'000);
    both.per_request = 5'000'000'000;
    REQUIRE(expected_cost(&both, {1000, 1000}, {}) == 8'000'000);
    both.standard.image_output = 40'000'000;
    REQUIRE(expected_cost(&both, {1000, 1000}, {}) == 46'000'000);
}

TEST_CASE("What only counts or judges costs nothing") {
    REQUIRE(costs_money(wire::AnswerShape::chat));
    REQUIRE(costs_money(wire::AnswerShape::embeddings));
    REQUIRE(costs_money(wire::AnswerShape::images));
    REQUIRE(costs_money(wire::AnswerShape::compaction));  // what is compacted is paid for
    REQUIRE_FALSE(costs_money(wire::AnswerShape::moderations));
    REQUIRE_FALSE(costs_money(wire::AnswerShape::messages_count));
}
