#include "dialects/text_documents.hpp"

#include "dialects/data_url.hpp"
#include "wire/utf8.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace understudy::dialects {
namespace {

/// Types of text that do not begin with "text/" (IANA's media types).
constexpr std::array<std::string_view, 8> kTextTypes{
    "application/json", "application/xml",        "application/yaml",       "application/x-yaml",
    "application/toml", "application/javascript", "application/typescript", "application/sql"};

bool is_text_type(std::string_view type) {
    type = type.substr(0, type.find(';'));
    return type.starts_with("text/") || type.ends_with("+json") || type.ends_with("+xml") ||
           std::find(kTextTypes.begin(), kTextTypes.end(), type) != kTextTypes.end();
}

/// Whether this API takes such a text as data: Google any "text/", Bedrock has names for some.
/// Anthropic's documents are PDF or plain text, OpenAI's files PDF above all.
bool takes(wire::Dialect dialect, std::string_view type) {
    return dialect == wire::Dialect::converse ||
           (dialect == wire::Dialect::gemini && type.starts_with("text/"));
}

void spell_out(Talk& talk, Block& block, wire::Dialect dialect) {
    auto& media = block.media;
    if (block.kind != Block::Kind::media || media.kind != Media::Kind::document) return;
    if (media.source != Media::Source::base64 || !is_text_type(media.type)) return;
    if (takes(dialect, media.type)) return;
    const auto words = from_base64(media.data);
    if (!words || !wire::is_utf8(*words)) return;
    media.data = talk.keep(escaped(*words));
    media.source = Media::Source::text;
    media.type = "text/plain";
}

}  // namespace

std::string words_of(const Media& media) {
    std::string words(media.title);
    if (!words.empty()) words += "\\n";
    return words.append(media.data);
}

std::string file_name(const Media& media) {
    using Row = std::pair<std::string_view, std::string_view>;
    constexpr std::array kEndings{
        Row{"application/pdf", ".pdf"},
        Row{"application/msword", ".doc"},
        Row{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"},
        Row{"application/vnd.ms-excel", ".xls"},
        Row{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"},
        Row{"application/vnd.ms-powerpoint", ".ppt"},
        Row{"application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx"},
        Row{"application/rtf", ".rtf"},
        Row{"application/epub+zip", ".epub"},
    };
    constexpr std::size_t kLongestEnding = 6;
    std::string name(media.title.empty() ? "document" : media.title);
    const auto dot = name.rfind('.');
    if (dot != std::string::npos && dot > 0 && name.size() - dot <= kLongestEnding) return name;
    const auto row = std::find_if(kEndings.begin(), kEndings.end(),
                                  [&](const Row& one) { return one.first == media.type; });
    if (row != kEndings.end()) return name.append(row->second);
    return media.title.empty() ? name.append(".pdf") : name;
}

void spell_out_documents(Talk& talk, wire::Dialect dialect) {
    for (auto& turn : talk.turns) {
        for (auto& block : turn.blocks) {
            spell_out(talk, block, dialect);
            for (auto& inner : block.inner) spell_out(talk, inner, dialect);
        }
    }
}

}  // namespace understudy::dialects
