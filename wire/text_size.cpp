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

// Members whose strings are no text: names of things. What is not listed counts.
constexpr std::array<std::string_view, 13> kNoText{
    "role",      "id",       "call_id",          "tool_call_id", "tool_use_id",
    "name",      "filename", "detail",           "format",       "b64_json",
    "signature", "index",    "encrypted_content"};
constexpr std::array<std::string_view, 2> kSignatures{"thoughtSignature", "thought_signature"};

// Members that are data where they are strings.
constexpr std::array<std::string_view, 3> kData{"data", "bytes", "file_data"};
constexpr std::array<std::string_view, 2> kPlaces{"url", "file_url"};
constexpr std::array<std::string_view, 2> kFileUris{"fileUri", "file_uri"};

// Objects with a file_id that give the model a file; others cite one.
constexpr std::array<std::string_view, 4> kGivesFile{"file", "input_file", "document",
                                                     "container_upload"};
// What a URL is fetched for; others are mentioned. Types, and names of members.
constexpr std::array<std::string_view, 4> kPlaced{"url", "input_file", "file_url", "s3Location"};
// Of a member whose object is a medium, with `format` beside it (Converse) or not (OpenAI, vLLM).
constexpr std::array<std::string_view, 5> kAudioMembers{"input_audio", "audio_url", "video_url",
                                                        "audio", "video"};

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

// Bytes at the front of what is taken for base64.
constexpr std::size_t kLeast = 512;
static_assert(kLeast % kBlock == 0);

Block is_sign(const Block& c) {
    return is(c, '+') | is(c, '/') | is(c, '-') | is(c, '_') | is(c, '=') | is(c, '\\');
}

// Nobody writes that many letters and digits in a row, capitals among them, without a space.
bool begins_with_base64(std::string_view content) {
    if (content.size() < kLeast) return false;
    Block small{}, capital{}, digit{};
    for (std::size_t at = 0; at < kLeast; at += kBlock) {
        const auto c = load(content.data() + at);
        const auto a = between(c, 'a', 'z'), b = between(c, 'A', 'Z'), d = between(c, '0', '9');
        if (any(static_cast<Block>(~(a | b | d | is_sign(c))))) return false;
        small |= a;
        capital |= b;
        digit |= d;
    }
    return any(small) && any(capital) && any(digit);
}

// Of a sample: long enough that prose and code have a space or a dot in it.
constexpr std::size_t kSample = 3 * kBlock;
constexpr std::size_t kSamples = 16;
static_assert(kSample < kLeast);

bool may_be_base64(const char* sample) {
    for (std::size_t at = 0; at < kSample; at += kBlock) {
        const auto c = load(sample + at);
        const auto known = between(c, 'a', 'z') | between(c, 'A', 'Z') | between(c, '0', '9');
        if (any(static_cast<Block>(~(known | is_sign(c))))) return false;
    }
    return true;
}

// How much at the front is base64: nothing, all, or up to where it ends. A body of megabytes is
// mostly one such string, so it is looked at in some places, spread evenly, and only where one of
// them is something else is the end of the run looked for, by halves.
std::size_t base64_at_front(std::string_view content) {
    if (!begins_with_base64(content)) return 0;
    const auto last = content.size() - kSample;
    std::size_t good = kLeast - kSample, bad = content.size();
    for (std::size_t i = 1; i <= kSamples && bad == content.size(); ++i) {
        const auto at = last / kSamples * i + last % kSamples * i / kSamples;
        if (at > good) (may_be_base64(content.data() + at) ? good : bad) = at;
    }
    if (bad == content.size()) return bad;
    while (bad - good > kSample) {
        const auto middle = good + (bad - good) / 2;
        (may_be_base64(content.data() + middle) ? good : bad) = middle;
    }
    return good + base64_run(content.substr(good));
}

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

Split split(std::string_view content) {
    constexpr std::string_view mark = ";base64,";
    Split of;
    of.base64 = base64_at_front(content);
    content.remove_prefix(of.base64);
    for (;;) {
        const auto at = content.find(mark);
        const auto text = content.substr(0, at);
        of.text += decoded_bytes(text);
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
        thing.player = among(kAudioMembers, name);
        thing.placed = among(kPlaced, name);
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
        const bool whole = in_format || among(kImageTypes, thing.type);
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
        const bool file = thing.file_id && (among(kGivesFile, thing.type) || thing.named_file);
        const bool place =
            thing.url && (thing.player || thing.placed || among(kPlaced, thing.type));
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
        } else if (among(kPlaces, key)) {
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
        if (among(kData, key) || among(kPlaces, key)) return data_member(key, thing);
        if (key == "uri" && thing.is_s3) return given(thing.url);
        if (key == "file_id") return given(thing.file_id);
        if (among(kFileUris, key)) return given(thing.file_uri);
        if (among(kNoText, key) || among(kSignatures, key)) {
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
