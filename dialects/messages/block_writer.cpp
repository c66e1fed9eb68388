#include "dialects/messages/block_writer.hpp"

#include "dialects/call_arguments.hpp"
#include "dialects/data_url.hpp"

#include <algorithm>
#include <array>

namespace understudy::dialects::messages {
namespace {

using Kind = Block::Kind;

}  // namespace

void BlockWriter::text(const Block& block) {
    to_.open('{').key("type").text("text").key("text").content(block.content);
    cache(block.cache);
    to_.close('}');
}

void BlockWriter::media(const Block& block) {
    const auto& media = block.media;
    if (media.kind == Media::Kind::audio) return refuse(unsupported("audio cannot be sent to it"));
    if (media.source == Media::Source::file) {
        return refuse(unsupported("a file is known by its id to its own provider only"));
    }
    const bool image = media.kind == Media::Kind::image;
    auto type = media.type;
    if (media.source == Media::Source::base64) {
        // What is declared is often wrong, and refused then.
        if (const auto sniffed = sniffed_type(media.data); !sniffed.empty()) type = sniffed;
        constexpr std::array<std::string_view, 4> kImages{"image/png", "image/jpeg", "image/gif",
                                                          "image/webp"};
        const bool known = std::find(kImages.begin(), kImages.end(), type) != kImages.end();
        if (image && !known) return refuse(unsupported("images of type " + type));
        if (!image && type != "application/pdf") {
            return refuse(unsupported("documents of type " + type));
        }
    }
    to_.open('{').key("type").text(image ? "image" : "document").key("source").open('{');
    if (media.source == Media::Source::url) {
        to_.key("type").text("url").key("url").content(media.url);
    } else if (media.source == Media::Source::text) {
        to_.key("type").text("text").key("media_type").text("text/plain");
        to_.key("data").content(media.data);
    } else {
        to_.key("type").text("base64").key("media_type").text(type);
        to_.key("data").content(media.data);
    }
    to_.close('}');
    if (!image && !media.title.empty()) to_.key("title").content(media.title);
    cache(block.cache);
    to_.close('}');
}

void BlockWriter::call(const Block& block) {
    to_.open('{').key("type").text("tool_use");
    to_.key("id").text(legal_id(block.id, kAnthropicId));
    to_.key("name").text(names_.sent(block.name)).key("input").raw(arguments_object(block));
    cache(block.cache);
    to_.close('}');
}

void BlockWriter::result(const Block& block) {
    to_.open('{').key("type").text("tool_result");
    to_.key("tool_use_id").text(legal_id(block.id, kAnthropicId));
    to_.key("content").open('[');
    for (const auto& one : block.inner) {
        if (one.kind == Kind::media) {
            media(one);
        } else if (!one.content.empty()) {
            text(one);
        }
    }
    to_.close(']');
    if (block.is_error) to_.key("is_error").boolean(true);
    cache(block.cache);
    to_.close('}');
}

void BlockWriter::block(const Block& block) {
    switch (block.kind) {
        case Kind::text:
            return text(block);
        case Kind::media:
            return media(block);
        case Kind::call:
            return call(block);
        case Kind::result:
            return result(block);
        case Kind::thinking:
            to_.open('{').key("type").text("thinking").key("thinking").content(block.content);
            to_.key("signature").content(block.seal).close('}');
            return;
        case Kind::sealed:
            to_.open('{').key("type").text("redacted_thinking");
            to_.key("data").content(block.content).close('}');
            return;
    }
}

}  // namespace understudy::dialects::messages
