#include "dialects/data_url.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::dialects {
namespace {

int sextet(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/// The first bytes of base64 data, of which escaped slashes and line breaks are skipped.
std::string first_bytes(std::string_view base64, std::size_t count) {
    std::string out;
    unsigned bits = 0;
    int held = 0;
    for (const char c : base64) {
        if (out.size() == count || c == '=') break;
        const int value = sextet(c);
        if (value < 0) continue;
        bits = (bits << 6U) | static_cast<unsigned>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out += static_cast<char>((bits >> static_cast<unsigned>(held)) & 0xffU);
    }
    return out;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return out;
}

bool is_plain(std::string_view base64) {
    unsigned odd = base64.size() % 4;
    for (const char c : base64) {
        odd |= static_cast<unsigned>(c == '-') | static_cast<unsigned>(c == '_') |
               static_cast<unsigned>(c == '\\') | static_cast<unsigned>(c == ' ');
    }
    return odd == 0;
}

/// In plain base64. Escaped slashes are digits, other escapes and spaces are none.
std::string plainly(std::string_view base64) {
    std::string out;
    out.reserve(base64.size() + 4);
    for (std::size_t i = 0; i < base64.size(); ++i) {
        char c = base64[i];
        if (c == '\\' && i + 1 < base64.size()) {
            c = base64[++i];
            if (c == 'u') return std::string(base64);  // nobody writes digits like this
            if (c != '/') continue;
        }
        if (c == ' ') continue;
        out += c == '-' ? '+' : c == '_' ? '/' : c;
    }
    if (out.find('=') == std::string::npos) out.append((4 - out.size() % 4) % 4, '=');
    return out;
}

}  // namespace

std::string_view sniffed_type(std::string_view base64) {
    using Magic = std::pair<std::string_view, std::string_view>;
    constexpr std::array kMagic{Magic{"\x89PNG", "image/png"}, Magic{"\xff\xd8\xff", "image/jpeg"},
                                Magic{"GIF8", "image/gif"}, Magic{"%PDF-", "application/pdf"}};
    const auto bytes = first_bytes(base64, 12);
    for (const auto& [magic, type] : kMagic) {
        if (bytes.starts_with(magic)) return type;
    }
    if (bytes.size() == 12 && bytes.starts_with("RIFF") && bytes.ends_with("WEBP")) {
        return "image/webp";
    }
    return {};
}

std::optional<std::string> from_base64(std::string_view content) {
    std::string escapes_undone;
    if (content.find('\\') != std::string_view::npos) {
        escapes_undone = unescaped(content);
        content = escapes_undone;
    }
    const bool odd = std::any_of(content.begin(), content.end(), [](char c) {
        return sextet(c) < 0 && c != '=' && c != ' ' && c != '\n' && c != '\r';
    });
    if (odd) return std::nullopt;
    return first_bytes(content, content.size());
}

std::optional<Media> media_of_url(std::string_view url, Media::Kind kind) {
    Media media;
    media.kind = kind;
    constexpr std::string_view kData = "data:";
    if (lower(url.substr(0, kData.size())) != kData) {
        media.source = Media::Source::url;
        media.url = url;
        return media;
    }
    const auto comma = url.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    // "\/" is how some write a slash inside a string.
    const auto header = lower(unescaped(url.substr(kData.size(), comma - kData.size())));
    constexpr std::string_view kBase64 = ";base64";
    if (!header.ends_with(kBase64)) return std::nullopt;
    media.type = header.substr(0, header.find(';'));
    media.data = url.substr(comma + 1);
    if (media.type.empty()) media.type = sniffed_type(media.data);
    return media;
}

bool names_place(std::string_view text) {
    constexpr std::array<std::string_view, 3> kSchemes{"http:", "https:", "gs:"};
    const auto scheme = lower(text.substr(0, text.substr(0, 8).find(':') + 1));
    if (scheme == "data:") return true;
    const auto rest = text.substr(std::min(scheme.size(), text.size()));
    return std::find(kSchemes.begin(), kSchemes.end(), scheme) != kSchemes.end() &&
           (rest.starts_with("//") || rest.starts_with("\\/\\/"));
}

std::optional<Media> media_of_file_data(std::string_view data) {
    auto media = media_of_url(data, Media::Kind::document);
    if (!media || media->source != Media::Source::url || names_place(data)) return media;
    if (data.empty() || data.find(':') != std::string_view::npos) return std::nullopt;
    media->source = Media::Source::base64;
    media->data = media->url;
    media->url = {};
    media->type = sniffed_type(media->data);
    return media;
}

void mend_base64(Talk& talk) {
    const auto mend = [&](Block& block) {
        auto& media = block.media;
        const bool data = block.kind == Block::Kind::media && media.source == Media::Source::base64;
        if (data && !is_plain(media.data)) media.data = talk.keep(plainly(media.data));
    };
    for (auto& turn : talk.turns) {
        for (auto& block : turn.blocks) {
            mend(block);
            for (auto& inner : block.inner) mend(inner);
        }
    }
}

}  // namespace understudy::dialects
