#include "wire/text_size.hpp"

#include "wire/base64_text.hpp"
#include "wire/json_cursor.hpp"
#include "wire/name_set.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace understudy::wire {
namespace {

// `type` of a part that is an image: OpenAI's chat, its /responses, Anthropic's.
constexpr NameSet kImageTypes{"image_url", "input_image", "image"};
// A part that is an image because it has this member (OpenAI's chat, also without a type).
constexpr std::string_view kImageMember = "image_url";

// Members whose strings are no text: names of things. What is not listed counts.
constexpr NameSet kNoText{
    "role",      "id",       "call_id",          "tool_call_id", "tool_use_id",
    "name",      "filename", "detail",           "format",       "b64_json",
    "signature", "index",    "encrypted_content"};
constexpr NameSet kSignatures{"thoughtSignature", "thought_signature"};

// Members that are data where they are strings.
constexpr NameSet kData{"data", "bytes", "file_data"};
constexpr NameSet kPlaces{"url", "file_url"};
constexpr NameSet kFileUris{"fileUri", "file_uri"};

// Objects with a file_id that give the model a file; others cite one.
constexpr NameSet kGivesFile{"file", "input_file", "document", "container_upload"};
// What a URL is fetched for; others are mentioned. Types, and names of members.
constexpr NameSet kPlaced{"url", "input_file", "file_url", "s3Location"};
// Of a member whose object is a medium, with `format` beside it (Converse) or not (OpenAI, vLLM).
constexpr NameSet kAudioMembers{"input_audio", "audio_url", "video_url", "audio", "video"};

/// Bytes that \uXXXX at the front of `text` takes more than what it stands for. Half a pair stands
/// for half of its four bytes.
std::uint64_t saved_by_code(std::string_view text) {
    constexpr std::size_t kDigits = 2;  // where they begin
    if (text.size() < kDigits + 4) return 0;
    const auto lower = [&](std::size_t i) { return text[kDigits + i] | 0x20; };
    const bool small = text[kDigits] == '0' && text[kDigits + 1] < '8';
    if (small && text[kDigits + 1] == '0' && text[kDigits + 2] < '8') return 5;
    const bool half = lower(0) == 'd' && lower(1) >= '8';  // of D800 to DFFF
    if (small || half) return 4;
    return 3;
}

std::uint64_t saved_by_escapes(std::string_view content) {
    std::uint64_t sum = 0;
    for (auto at = content.find('\\'); at != std::string_view::npos && at + 1 < content.size();
         at = content.find('\\', at + 2)) {
        sum += content[at + 1] == 'u' ? saved_by_code(content.substr(at)) : 1;
    }
    return sum;
}

enum class Medium { none, image, audio, document };

Medium medium_of(std::string_view mime) {
    if (mime.starts_with("image/")) return Medium::image;
    if (mime.starts_with("audio/") || mime.starts_with("video/")) return Medium::audio;
    return mime.starts_with("application/") || mime.starts_with("text/") ? Medium::document
                                                                         : Medium::none;
}

constexpr std::string_view kDataUrl = "data:";

/// Text and base64 of a string, in bytes of the former and characters of the latter.
struct Split {
    std::uint64_t text = 0, base64 = 0;
};

// Of a text that does not begin with base64.
void add_text(Split& of, std::string_view text) {
    while (text.size() >= kFoundBase64) {
        const auto at = find_base64(text);
        of.text += decoded_bytes(text.substr(0, at));
        if (at == std::string_view::npos) return;
        text.remove_prefix(at);
        const auto run = base64_at_front(text);
        of.base64 += run;
        text.remove_prefix(run);
    }
    of.text += decoded_bytes(text);
}

Split split(std::string_view content) {
    constexpr std::string_view mark = ";base64,";
    Split of;
    of.base64 = base64_at_front(content);
    content.remove_prefix(of.base64);
    for (;;) {
        const auto at = content.find(mark);
        add_text(of, content.substr(0, at));
        if (at == std::string_view::npos) return of;
        content.remove_prefix(at + mark.size());
        const auto run = base64_run(content);
        of.base64 += run;
        content.remove_prefix(run);
    }
}

class TextWalk {
  public:
    explicit TextWalk(std::string_view text) : in_(text) {}
    void run() {
        in_.skip_preamble();
        visit(false, {});
    }
    TextSize size;

  private:
    /// What an object says of what it is and has, in any order.
    struct Thing {
        // By the name of the member that it is.
        bool named_image = false, named_file = false, is_s3 = false, player = false, placed = false;
        std::string_view type;         // its own
        Medium medium = Medium::none;  // by a member for that
        Split data;                    // in its `data`
        std::uint64_t base64 = 0;      // in others
        bool image = false, url = false, file_id = false, file_uri = false;
        bool format = false, source = false;  // there is such a member
    };

    bool visit(bool in_array, std::string_view name) {
        JsonKind kind{};
        if (!in_.peek(kind)) return false;
        if (kind == JsonKind::object) return object(name);
        if (kind == JsonKind::array) {
            return in_.each_element([this] { return visit(true, {}); });
        }
        JsonValue value;
        if (!in_.take(value)) return false;
        const auto of = split(value.string_content());
        size.bytes += of.text;
        size.data += of.base64;
        if (kind == JsonKind::number && in_array) ++size.numbers;
        return true;
    }

    bool object(std::string_view name) {
        const auto before = size;
        Thing thing;
        thing.named_image = name == "image";
        thing.named_file = name == "file";
        thing.is_s3 = name == "s3Location";
        thing.player = kAudioMembers.contains(name);
        thing.placed = kPlaced.contains(name);
        const bool walked =
            in_.each_member([&](std::string_view key) { return member(key, thing); });
        count(thing, before);
        return walked;
    }

    // What an object holds by itself, and what that makes of the things within it: an image is
    // counted once, whether it, its source or both say that it is one.
    void count(Thing& thing, const TextSize& before) {
        if (thing.type == "text") {
            size.bytes += thing.data.text;
        } else {
            thing.base64 += std::max(thing.data.base64, thing.data.text);
        }
        const bool in_format = thing.format && thing.source && thing.named_image;
        const bool whole = in_format || kImageTypes.contains(thing.type);
        if (whole) {
            size.data = before.data;
            size.referenced = before.referenced;
        }
        if (whole || thing.image || thing.medium == Medium::image) {
            if (size.images == before.images) ++size.images;
            return;
        }
        if (thing.player) {
            size.audio += size.data - before.data;
            size.data = before.data;
        }
        (thing.player || thing.medium == Medium::audio ? size.audio : size.data) += thing.base64;
        const bool file = thing.file_id && (kGivesFile.contains(thing.type) || thing.named_file);
        const bool place =
            thing.url && (thing.player || thing.placed || kPlaced.contains(thing.type));
        if (file || place || thing.file_uri) ++size.referenced;
    }

    // A string that is data, or says where it is.
    bool data_member(std::string_view key, Thing& thing) {
        JsonKind kind{};
        if (!in_.peek(kind)) return false;
        if (kind == JsonKind::object) return visit(false, key);
        JsonValue value;
        if (!in_.take(value)) return false;
        auto said = value.string_content();
        if (said.starts_with(kDataUrl)) {
            said.remove_prefix(kDataUrl.size());
            const auto comma = std::min(said.find(','), said.size());
            if (thing.medium == Medium::none) thing.medium = medium_of(said.substr(0, comma));
            thing.base64 += said.size() - comma;
        } else if (kPlaces.contains(key)) {
            thing.url = !said.empty();  // no string says nothing
        } else if (key == "data") {
            thing.data = split(said);
        } else {
            thing.base64 += said.size();
        }
        return true;
    }

    bool given(bool& flag) {
        JsonValue value;
        if (!in_.take(value)) return false;
        flag = value.kind == JsonKind::string && !value.string_content().empty();
        return true;
    }

    // Of a cached part of the prompt, at Anthropic's and Bedrock's.
    bool lifetime() {
        JsonValue value;
        if (!in_.take(value)) return false;
        size.for_an_hour |= value.string_content() == "1h";
        return true;
    }

    // `type`, or the name of a medium.
    bool kind_member(std::string_view key, Thing& thing) {
        JsonValue value;
        if (!in_.take(value)) return false;
        const auto said = value.string_content();
        if (key == "type") thing.type = said;
        if (const auto medium = medium_of(said); medium != Medium::none) thing.medium = medium;
        return true;
    }

    bool member(std::string_view key, Thing& thing) {
        if (key == kImageMember) {
            thing.image = true;
            return in_.skip();
        }
        if (key == "mime_type" || key == "mimeType" || key == "media_type" || key == "type") {
            return kind_member(key, thing);
        }
        if (kData.contains(key) || kPlaces.contains(key)) return data_member(key, thing);
        if (key == "uri" && thing.is_s3) return given(thing.url);
        if (key == "ttl") return lifetime();
        if (key == "file_id") return given(thing.file_id);
        if (kFileUris.contains(key)) return given(thing.file_uri);
        if (kNoText.contains(key) || kSignatures.contains(key)) {
            thing.format |= key == "format";
            return in_.skip();
        }
        thing.source |= key == "source";
        return visit(false, key);
    }

    JsonCursor in_;
};

}  // namespace

TextSize& TextSize::operator+=(const TextSize& other) {
    bytes += other.bytes;
    numbers += other.numbers;
    images += other.images;
    data += other.data;
    audio += other.audio;
    referenced += other.referenced;
    for_an_hour |= other.for_an_hour;
    return *this;
}

std::uint64_t decoded_bytes(std::string_view content) {
    return content.size() - saved_by_escapes(content);
}

std::uint64_t text_bytes(std::string_view content) {
    return split(content).text;
}

TextSize measure_text(std::string_view value) {
    TextWalk walk(value);
    walk.run();
    return walk.size;
}

}  // namespace understudy::wire
