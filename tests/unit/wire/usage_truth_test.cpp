// A usage object is made to say the truth, and keeps what else it says.
#include "wire/usage_truth.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

std::string corrected(const std::string& data, const Usage& truth) {
    std::vector<Edit> edits;
    correct_usage(data, {0, data.size()}, truth, edits);
    std::vector<std::string_view> slices;
    slices_of(data, edits, slices);
    std::string out;
    for (const auto slice : slices) out += slice;
    return out;
}

}  // namespace

TEST_CASE("Counts are replaced in place under any of their names") {
    Usage truth;
    truth.prompt = 10;
    truth.completion = 7;
    truth.reasoning = 2;
    truth.cache_read = 4;
    truth.cache_write = 3;
    struct Row {
        const char* usage;
        const char* expected;
    };
    const std::vector<Row> rows{
        {R"({"prompt_tokens":20,"completion_tokens":5,"total_tokens":25})",
         R"({"prompt_tokens":10,"completion_tokens":7,"total_tokens":17})"},
        {R"({ "total_tokens" : 25, "input_tokens":20, "output_tokens":5 })",
         R"({ "total_tokens" : 17, "input_tokens":10, "output_tokens":7 })"},
        {R"({"prompt_tokens_details":{"cached_tokens":15,"audio_tokens":0},"queue_time":0.5})",
         R"({"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"queue_time":0.5})"},
        {R"({"prompt_tokens_details":{"cached_tokens":3}})",
         R"({"prompt_tokens_details":{"cached_tokens":4}})"},
        {R"({"cache_read_input_tokens":15,"cache_creation_input_tokens":9})",
         R"({"cache_read_input_tokens":4,"cache_creation_input_tokens":3})"},
        {R"({"completion_tokens_details":{"reasoning_tokens":5,"accepted_prediction_tokens":1}})",
         R"({"completion_tokens_details":{"reasoning_tokens":2,"accepted_prediction_tokens":1}})"},
        {R"({"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":16})",
         R"({"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":6})"},
        {R"({"prompt_tokens":null,"completion_tokens":"5","cost":0.01})",
         R"({"prompt_tokens":null,"completion_tokens":"5","cost":0.01})"},
        {R"({"prompt\u005ftokens":20})", R"({"prompt\u005ftokens":10})"},
        {"null", "null"},
        {"{}", "{}"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.usage);
        CHECK(corrected(row.usage, truth) == row.expected);
    }
}
