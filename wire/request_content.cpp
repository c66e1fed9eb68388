#include "wire/request_content.hpp"

#include "wire/json_cursor.hpp"
#include "wire/name_set.hpp"
#include "wire/prompt_parts.hpp"

#include <algorithm>

namespace understudy::wire {
namespace {

constexpr std::uint64_t kBytesPerToken = 4;

// Members of a request that hold its prompt: chat and completions, /responses, embeddings,
// Anthropic's and Google's APIs; of the latter's :countTokens also a whole request.
constexpr NameSet kPrompts{"messages",
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
constexpr NameSet kTools{"tools", "functions"};
// Members that name a part of the prompt that the server has.
constexpr NameSet kKept{"previous_response_id", "conversation", "cachedContent", "cached_content"};

bool has_elements(std::string_view array) {
    JsonCursor in(array);
    bool any = false;
    in.each_element([&] {
        any = true;
        return false;
    });
    return any;
}

struct Found {
    TextSize size;
    bool tools = false;
};

Found find_prompt(std::string_view body, const RequestFacts& facts) {
    Found found;
    if (!facts.json) return found;
    auto& size = found.size;
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
        if (kPrompts.contains(key)) {
            size += measure_text(value);
        } else if (kTools.contains(key) && member.kind == JsonKind::array && has_elements(value)) {
            found.tools = true;
            size.bytes += value.size();
        } else if (kKept.contains(key) && member.kind != JsonKind::null) {
            ++size.referenced;
        }
    }
    return found;
}

}  // namespace

TextSize read_prompt(std::string_view body, const RequestFacts& facts) {
    return find_prompt(body, facts).size;
}

std::uint64_t text_tokens(const TextSize& prompt) {
    return prompt.numbers + (prompt.bytes + kBytesPerToken - 1) / kBytesPerToken;
}

RequestContent read_content(std::string_view body, const RequestFacts& facts) {
    const auto found = find_prompt(body, facts);
    RequestContent content;
    content.images = found.size.images > 0;
    content.tools = found.tools;
    content.prompt_tokens = text_tokens(found.size);
    return content;
}

}  // namespace understudy::wire
