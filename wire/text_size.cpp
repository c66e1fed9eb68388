#include "wire/text_size.hpp"

#include "wire/json_cursor.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace understudy::wire {
namespace {

// `type` of a part that is an image: OpenAI's chat, its /responses, Anthropic's.
constexpr std::array<std::string_view, 3> kImageTypes{"image_url", "input_image", "image"};
// A part that is an image because it has this member (OpenAI's chat, also without a type).
constexpr std::string_view kImageMember = "image_url";

// Members whose strings are no text: data, places, names of things. What is not listed counts.
// `data` is looked at by itself.
constexpr std::array<std::string_view, 18> kNoText{
    "role",   "id",       "call_id", "tool_call_id", "tool_use_id", "name",
    "url",    "fileUri",  "file_id", "file_data",    "filename",    "detail",
    "format", "b64_json", "bytes",   "signature",    "index",       "encrypted_content"};
constexpr std::array<std::string_view, 2> kSignatures{"thoughtSignature", "thought_signature"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Of base64 in both alphabets, and the escapes of its line breaks and slashes.
constexpr auto kBase64 = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789+/-_=\\")) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

std::size_t base64_run(std::string_view text) {
    std::size_t n = 0;
    while (n < text.size() && kBase64[static_cast<unsigned char>(text[n])]) ++n;
    return n;
}

// Sixteen characters at a time: of a comparison each is all ones or nothing.
constexpr std::size_t kBlock = 16;
using Block = unsigned char __attribute__((vector_size(kBlock)));

Block load(const char* at) {
    Block block;
    std::memcpy(&block, at, sizeof block);
    return block;
}

bool any(const Block& block) {
    std::uint64_t halves[2];
    std::memcpy(halves, &block, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

Block between(const Block& c, unsigned char from, unsigned char to) {
    return reinterpret_cast<Block>((c - from) <= (Block{} + static_cast<unsigned char>(to - from)));
}

Block is(const Block& c, char one) {
    return reinterpret_cast<Block>(c == static_cast<unsigned char>(one));
}

// Nobody writes that many letters and digits in a row, capitals among them, without a space.
bool is_base64(std::string_view content) {
    constexpr std::size_t least = 512;
    static_assert(least % kBlock == 0);
    if (content.size() < least) return false;
    Block small{}, capital{}, digit{};
    for (std::size_t at = 0; at < least; at += kBlock) {
        const auto c = load(content.data() + at);
        const auto a = between(c, 'a', 'z'), b = between(c, 'A', 'Z'), d = between(c, '0', '9');
        const auto other =
            is(c, '+') | is(c, '/') | is(c, '-') | is(c, '_') | is(c, '=') | is(c, '\\');
        if (any(static_cast<Block>(~(a | b | d | other)))) return false;
        small |= a;
        capital |= b;
        digit |= d;
    }
    return any(small) && any(capital) && any(digit);
}

std::uint64_t saved_by_escapes(std::string_view content) {
    constexpr std::uint64_t saved = 4;
    std::uint64_t sum = 0;
    for (auto at = content.find('\\'); at != std::string_view::npos && at + 1 < content.size();
         at = content.find('\\', at + 2)) {
        if (content[at + 1] == 'u') sum += saved;
    }
    return sum;
}

class TextWalk {
  public:
    explicit TextWalk(std::string_view text) : in_(text) {}
    void run() {
        in_.skip_preamble();
        visit(false);
    }
    TextSize size;

  private:
    /// What an object says of its `data`, which may stand on either side of it.
    struct Data {
        std::uint64_t bytes = 0;
        bool is_text = false;  // Anthropic's documents: {"type":"text","data":"..."}
    };

    bool visit(bool in_array) {
        JsonKind kind{};
        if (!in_.peek(kind)) return false;
        if (kind == JsonKind::object) return object();
        if (kind == JsonKind::array) {
            return in_.each_element([this] { return visit(true); });
        }
        JsonValue value;
        if (!in_.take(value)) return false;
        size.bytes += text_bytes(value.string_content());
        if (kind == JsonKind::number && in_array) ++size.numbers;
        return true;
    }

    bool object() {
        Data data;
        const bool walked =
            in_.each_member([&](std::string_view key) { return member(key, data); });
        if (data.is_text) size.bytes += data.bytes;
        return walked;
    }

    bool member(std::string_view key, Data& data) {
        if (key == kImageMember) size.images = true;
        if (key == "data") {
            JsonValue value;
            if (!in_.take(value)) return false;
            data.bytes = text_bytes(value.string_content());
            return true;
        }
        if (key == "mime_type" || key == "mimeType" || key == "media_type" || key == "type") {
            JsonValue value;
            if (!in_.take(value)) return false;
            const auto said = value.string_content();
            if (said.starts_with("image/") || (key == "type" && among(kImageTypes, said))) {
                size.images = true;
            }
            data.is_text |= key == "type" && said == "text";
            return true;
        }
        if (key == kImageMember || among(kNoText, key) || among(kSignatures, key)) {
            return in_.skip();
        }
        return visit(false);
    }

    JsonCursor in_;
};

}  // namespace

std::uint64_t text_bytes(std::string_view content) {
    constexpr std::string_view mark = ";base64,";
    if (is_base64(content)) return 0;
    std::uint64_t bytes = 0;
    for (;;) {
        const auto at = content.find(mark);
        const auto text = content.substr(0, at);
        bytes += text.size() - saved_by_escapes(text);
        if (at == std::string_view::npos) return bytes;
        content.remove_prefix(at + mark.size());
        content.remove_prefix(base64_run(content));
    }
}

TextSize measure_text(std::string_view value) {
    TextWalk walk(value);
    walk.run();
    return walk.size;
}

}  // namespace understudy::wire
