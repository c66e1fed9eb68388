#include "wire/request_content.hpp"

#include "wire/json_cursor.hpp"

#include <algorithm>
#include <array>

namespace understudy::wire {
namespace {

constexpr std::uint64_t kBytesPerToken = 4;

// Members of a request that hold its prompt: chat and completions, /responses, embeddings,
// Anthropic's and Google's APIs.
constexpr std::array<std::string_view, 9> kPrompts{
    "messages",          "input",  "prompt",
    "instructions",      "system", "contents",
    "systemInstruction", "suffix", "system_instruction"};
constexpr std::array<std::string_view, 2> kTools{"tools", "functions"};

// `type` of a part that is an image: OpenAI's chat, its /responses, Anthropic's.
constexpr std::array<std::string_view, 3> kImageTypes{"image_url", "input_image", "image"};
// A part that is an image because it has this member (OpenAI's chat, also without a type).
constexpr std::string_view kImageMember = "image_url";

// Members whose strings are no prompt: data, places, names of things. What is not listed counts.
constexpr std::array<std::string_view, 18> kNoText{
    "type",      "role",     "id",         "call_id",   "tool_call_id", "tool_use_id",
    "name",      "url",      "data",       "file_data", "file_id",      "filename",
    "mime_type", "mimeType", "media_type", "detail",    "format",       "signature"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Walks one value of a prompt. Nesting was bounded when the body was scanned.
class PromptWalk {
  public:
    PromptWalk(std::string_view text, RequestContent& content) : in_(text), content_(content) {}

    void run() { visit(false); }
    std::uint64_t text_bytes() const { return text_bytes_; }
    std::uint64_t numbers() const { return numbers_; }

  private:
    bool visit(bool in_array) {
        JsonKind kind{};
        if (!in_.peek(kind)) return false;
        if (kind == JsonKind::object) {
            return in_.each_member([this](std::string_view key) { return member(key); });
        }
        if (kind == JsonKind::array) {
            return in_.each_element([this] { return visit(true); });
        }
        JsonValue value;
        if (!in_.take(value)) return false;
        text_bytes_ += value.string_content().size();
        if (kind == JsonKind::number && in_array) ++numbers_;
        return true;
    }

    bool member(std::string_view key) {
        if (key == kImageMember) content_.images = true;
        if (key == "mime_type" || key == "mimeType" || key == "media_type" || key == "type") {
            JsonValue value;
            if (!in_.take(value)) return false;
            const auto said = value.string_content();
            if (said.starts_with("image/") || (key == "type" && among(kImageTypes, said))) {
                content_.images = true;
            }
            return true;
        }
        if (key == kImageMember || among(kNoText, key)) return in_.skip();
        return visit(false);
    }

    JsonCursor in_;
    RequestContent& content_;
    std::uint64_t text_bytes_ = 0;
    std::uint64_t numbers_ = 0;
};

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
    std::string key;
    for (const auto& member : facts.members) {
        const auto token = member.key.of(body);
        decode_content(token.substr(1, token.size() - 2), key);
        const auto value = member.value.of(body);
        if (among(kPrompts, key)) {
            PromptWalk walk(value, content);
            walk.run();
            bytes += walk.text_bytes();
            content.prompt_tokens += walk.numbers();
        } else if (among(kTools, key) && member.kind == JsonKind::array && has_elements(value)) {
            content.tools = true;
            bytes += value.size();
        }
    }
    content.prompt_tokens += (bytes + kBytesPerToken - 1) / kBytesPerToken;
    return content;
}

}  // namespace understudy::wire
