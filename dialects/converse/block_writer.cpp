#include "dialects/converse/block_writer.hpp"

#include "dialects/call_arguments.hpp"
#include "dialects/data_url.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::dialects::converse {
namespace {

using Kind = Block::Kind;
using Row = std::pair<std::string_view, std::string_view>;

constexpr std::array kImages{Row{"image/png", "png"}, Row{"image/jpeg", "jpeg"},
                             Row{"image/gif", "gif"}, Row{"image/webp", "webp"}};

constexpr std::array kDocuments{
    Row{"application/pdf", "pdf"},
    Row{"text/csv", "csv"},
    Row{"text/html", "html"},
    Row{"text/plain", "txt"},
    Row{"text/markdown", "md"},
    Row{"application/msword", "doc"},
    Row{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
    Row{"application/vnd.ms-excel", "xls"},
    Row{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
};

template <std::size_t N>
std::string_view format_of(const std::array<Row, N>& rows, std::string_view type) {
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return one.first == type; });
    return row == rows.end() ? std::string_view() : row->second;
}

std::string unknown(const std::string& type) {
    return type.empty() ? "unknown" : type;
}

}  // namespace

void BlockWriter::text(std::string_view content) {
    to_.open('{').key("text").content(content).close('}');
}

void BlockWriter::cache(Value mark) {
    if (!mark.is_object() || !gates_.cache_points) return;
    to_.open('{').key("cachePoint").open('{').key("type").text("default");
    const auto ttl = mark.at("ttl");
    if (ttl.is_string()) to_.key("ttl").content(ttl.content());
    to_.close('}').close('}');
}

void BlockWriter::block(const Block& block) {
    switch (block.kind) {
        case Kind::text:
            text(block.content);
            break;
        case Kind::media:
            media(block.media);
            break;
        case Kind::call:
            call(block);
            break;
        case Kind::result:
            result(block);
            break;
        case Kind::thinking:
        case Kind::sealed:
            thought(block);
            break;
    }
    auto mark = block.cache;
    for (const auto& one : block.inner) {  // there is no place for one inside of a result
        if (!mark.is_object()) mark = one.cache;
    }
    cache(mark);
}

void BlockWriter::media(const Media& media) {
    if (media.source == Media::Source::file) {
        return refuse(unsupported("a file is known by its id to its own provider only"));
    }
    if (media.source == Media::Source::url) {
        return refuse(unsupported("it takes media as data, not by their URL"));
    }
    if (media.kind == Media::Kind::audio) return refuse(unsupported("audio cannot be sent to it"));
    media.kind == Media::Kind::image ? image(media) : document(media);
}

void BlockWriter::image(const Media& media) {
    if (!gates_.images) return refuse(unsupported("this model sees no images"));
    // What is declared is often wrong.
    const auto sniffed = sniffed_type(media.data);
    const auto type = sniffed.empty() ? media.type : std::string(sniffed);
    const auto format = format_of(kImages, type);
    if (format.empty()) return refuse(unsupported("images of type " + unknown(type)));
    to_.open('{').key("image").open('{').key("format").text(format).key("source").open('{');
    to_.key("bytes").content(media.data).close('}').close('}').close('}');
}

// Letters, digits, single spaces, '-', parentheses and brackets, and not the same one twice.
std::string BlockWriter::document_name(std::string_view title) {
    constexpr std::size_t kMost = 180;
    std::string name;
    for (const char c : unescaped(title)) {
        if (name.size() == kMost) break;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') ||
                           std::string_view("-()[]").find(c) != std::string_view::npos;
        if (plain) {
            name += c;
        } else if (!name.empty() && name.back() != ' ') {
            name += ' ';
        }
    }
    if (name.ends_with(' ')) name.pop_back();
    if (name.empty()) name = "document";
    if (++documents_ > 1) name += " " + std::to_string(documents_);
    return name;
}

void BlockWriter::document(const Media& media) {
    if (media.source == Media::Source::text) {
        std::string words(media.title);
        if (!words.empty()) words += "\\n";
        return text(words.append(media.data));
    }
    const auto sniffed = sniffed_type(media.data);
    const auto type = sniffed.empty() ? media.type : std::string(sniffed);
    const auto format = format_of(kDocuments, type);
    if (format.empty()) return refuse(unsupported("documents of type " + unknown(type)));
    to_.open('{').key("document").open('{').key("format").text(format);
    to_.key("name").text(document_name(media.title)).key("source").open('{');
    to_.key("bytes").content(media.data).close('}').close('}').close('}');
}

void BlockWriter::call(const Block& block) {
    to_.open('{').key("toolUse").open('{');
    to_.key("toolUseId").text(legal_id(block.id, kBedrockId));
    to_.key("name").text(names_.sent(block.name)).key("input").raw(arguments_object(block));
    to_.close('}').close('}');
}

void BlockWriter::thought(const Block& block) {
    to_.open('{').key("reasoningContent").open('{');
    if (block.kind == Kind::sealed) {
        to_.key("redactedContent").content(block.content);
    } else {
        to_.key("reasoningText").open('{').key("text").content(block.content);
        to_.key("signature").content(block.seal).close('}');
    }
    to_.close('}').close('}');
}

void BlockWriter::result(const Block& block) {
    to_.open('{').key("toolResult").open('{');
    to_.key("toolUseId").text(legal_id(block.id, kBedrockId)).key("content").open('[');
    const bool told = block.is_error && gates_.result_status;
    if (block.is_error && !told) text("Error:");
    for (const auto& one : block.inner) {
        if (one.kind == Kind::media) {
            media(one.media);
        } else if (!is_blank(one.content)) {
            text(one.content);
        }
    }
    to_.close(']');
    if (told) to_.key("status").text("error");
    to_.close('}').close('}');
}

}  // namespace understudy::dialects::converse
