#include "wire/json_end.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

using understudy::wire::JsonEnd;

namespace {
bool reached(std::string_view text, std::size_t split) {
    JsonEnd end;
    end.feed(text.substr(0, split));
    end.feed(text.substr(split));
    return end.reached();
}
}  // namespace

TEST_CASE("Only the last bracket ends a JSON text, however it is cut into pieces") {
    const std::string texts[] = {"{}", R"({"a":[1,{"b":"}"}],"c":"\"]}\\"})",
                                 R"([{"s":"\\\\"},"{[\""])",
                                 "\xEF\xBB\xBF {\"text\":\"\xE2\x80\xA6}\"} \r\n"};
    for (const auto& text : texts) {
        const auto last = text.find_last_of("}]") + 1;
        for (std::size_t size = 0; size <= text.size(); ++size) {
            for (std::size_t split = 0; split <= size; ++split) {
                CAPTURE(text, size, split);
                CHECK(reached(std::string_view(text).substr(0, size), split) == (size >= last));
            }
        }
    }
}

TEST_CASE("What is no object has no end") {
    for (const auto* text : {"", " ", "null", "12", "\"text\"", "]", "}", "\"{}\""}) {
        CAPTURE(text);
        CHECK_FALSE(reached(text, 0));
    }
}
