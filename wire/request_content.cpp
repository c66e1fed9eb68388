#include "wire/request_content.hpp"

#include "wire/json_cursor.hpp"
#include "wire/text_size.hpp"

#include <algorithm>
#include <array>

namespace understudy::wire {
namespace {

constexpr std::uint64_t kBytesPerToken = 4;

// Members of a request that hold its prompt: chat and completions, /responses, embeddings,
// Anthropic's and Google's APIs; of the latter's :countTokens also a whole request.
constexpr std::array<std::string_view, 11> kPrompts{"messages",
                                                    "input",
                                                    "prompt",
                                                    "instructions",
                                                    "system",
                                                    "contents",
                                                    "systemInstruction",
                                                    "suffix",
                                                    "system_instruction",
                                                    "generateContentRequest",
                                                    "generate_content_request"};
constexpr std::array<std::string_view, 2> kTools{"tools", "functions"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_elements(std::string_view array) {
    JsonCursor in(array);
    bool any = false;
    in.each_element([&] {
        any = true;
        return false;
    });
    return any;
}

}  // namespace

RequestContent read_content(std::string_view body, const RequestFacts& facts) {
    RequestContent content;
    if (!facts.json) return content;
    std::uint64_t bytes = 0;
    std::string decoded;
    std::string_view key;
    for (const auto& member : facts.members) {
        const auto token = member.key.of(body);
        key = token.substr(1, token.size() - 2);
        if (key.find('\\') != std::string_view::npos) [[unlikely]] {
            decode_content(key, decoded);
            key = decoded;
        }
        const auto value = member.value.of(body);
        if (among(kPrompts, key)) {
            const auto text = measure_text(value);
            content.images |= text.images;
            bytes += text.bytes;
            content.prompt_tokens += text.numbers;
        } else if (among(kTools, key) && member.kind == JsonKind::array && has_elements(value)) {
            content.tools = true;
            bytes += value.size();
        }
    }
    content.prompt_tokens += (bytes + kBytesPerToken - 1) / kBytesPerToken;
    return content;
}

}  // namespace understudy::wire
