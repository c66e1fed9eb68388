#include "dialects/gemini/contents.hpp"

#include "dialects/call_arguments.hpp"
#include "dialects/data_url.hpp"
#include "dialects/gemini/media_type.hpp"
#include "dialects/gemini/objects.hpp"
#include "dialects/text_documents.hpp"

#include <algorithm>

namespace understudy::dialects::gemini {
namespace {

using Kind = Block::Kind;
using Source = Media::Source;

bool is_result(const Block& block) {
    return block.kind == Kind::result;
}

/// All the words of a result, those of documents among them: the inside of a string.
std::string words_of(const Block& result) {
    std::string out;
    const auto add = [&](std::string_view content) {
        if (content.empty()) return;
        if (!out.empty()) out += "\\n";
        out += content;
    };
    for (const auto& one : result.inner) {
        if (one.kind == Kind::text) add(one.content);
        if (one.kind == Kind::media && one.media.source == Source::text)
            add(dialects::words_of(one.media));
    }
    return out;
}

}  // namespace

void Contents::turn(const Turn& turn) {
    turn.role == Role::assistant ? assistant(turn) : user(turn);
}

void Contents::open(std::string_view role) {
    to_.open('{').key("role").text(role).key("parts").open('[');
}

void Contents::text(std::string_view content) {
    to_.open('{').key("text").content(content).close('}');
}

void Contents::assistant(const Turn& turn) {
    open("model");
    bool called = false;
    for (const auto& block : turn.blocks) {
        switch (block.kind) {
            case Kind::text:
                text(block.content);
                break;
            case Kind::media:
                media(block.media);
                break;
            case Kind::call:
                call(block, !called);
                called = true;
                break;
            case Kind::thinking:
                to_.open('{').key("text").content(block.content).key("thought").boolean(true);
                to_.key("thoughtSignature").content(block.seal).close('}');
                break;
            case Kind::sealed:
                to_.open('{').key("text").content({});
                to_.key("thoughtSignature").content(block.content).close('}');
                break;
            case Kind::result:
                break;  // of a tool that its provider ran: it was left out in front
        }
    }
    close();
}

// The results stand alone: their number is compared with that of the calls.
void Contents::user(const Turn& turn) {
    if (std::any_of(turn.blocks.begin(), turn.blocks.end(), is_result)) {
        open("user");
        for (const auto& block : turn.blocks) {
            if (is_result(block)) result(block);
        }
        close();
    }
    bool any = false;
    const auto say = [&](const Block& block) {
        if (!any) open("user");
        any = true;
        block.kind == Kind::media ? media(block.media) : text(block.content);
    };
    for (const auto& block : turn.blocks) {
        for (const auto& one : block.inner) {
            const bool media = one.kind == Kind::media && one.media.source != Source::text;
            if (media && !inside_result(one)) say(one);
        }
    }
    for (const auto& block : turn.blocks) {
        if (block.kind == Kind::text || block.kind == Kind::media) say(block);
    }
    if (any) close();
}

// The first call of a turn has the seal of the thoughts that led to all of them; the others have
// none, unless it was sent with them.
void Contents::call(const Block& block, bool first) {
    to_.open('{').key("functionCall").open('{');
    if (manner_.ids && !block.id.empty()) to_.key("id").text(legal_id(block.id, kGoogleId));
    to_.key("name").text(sent_name(names_, block.name));
    to_.key("args").raw(arguments_object(block)).close('}');
    const bool sealed = block.sealed_by == SealKind::gemini && !block.seal.empty();
    if (sealed) {
        to_.key("thoughtSignature").content(block.seal);
    } else if (first && gates_.sealed_calls) {
        to_.key("thoughtSignature").text(kNoSeal);
    }
    to_.close('}');
}

bool Contents::inside_result(const Block& block) const {
    return gates_.pictures_in_results && block.kind == Kind::media &&
           block.media.source == Source::base64;
}

void Contents::result(const Block& block) {
    to_.open('{').key("functionResponse").open('{');
    if (manner_.ids && !block.id.empty()) to_.key("id").text(legal_id(block.id, kGoogleId));
    to_.key("name").text(sent_name(names_, block.name));
    to_.key("response").raw(result_object(words_of(block), block.is_error));
    bool any = false;
    for (const auto& one : block.inner) {
        if (!inside_result(one)) continue;
        if (!any) to_.key("parts").open('[');
        any = true;
        media(one.media);
    }
    if (any) to_.close(']');
    to_.close('}').close('}');
}

void Contents::media(const Media& media) {
    switch (media.source) {
        case Source::base64:
            return inline_data(media);
        case Source::url:
            return file(media);
        case Source::text:
            return document_text(media);
        case Source::file:
            return refuse(unsupported("a file is known by its id to its own provider only"));
    }
}

void Contents::document_text(const Media& media) {
    text(dialects::words_of(media));
}

void Contents::inline_data(const Media& media) {
    // What is declared is often wrong.
    const auto sniffed = sniffed_type(media.data);
    const std::string type = sniffed.empty() ? media.type : std::string(sniffed);
    if (!takes_type(media.kind, type)) {
        return refuse(unsupported("media of type " + (type.empty() ? "unknown" : type)));
    }
    to_.open('{').key("inlineData").open('{').key("mimeType").text(type);
    to_.key("data").content(media.data).close('}').close('}');
}

void Contents::file(const Media& media) {
    const auto url = unescaped(media.url);
    if (!is_googles_own(url) && !(gates_.fetches && url.starts_with("https://"))) {
        return refuse(unsupported("media behind such a URL: this model fetches none"));
    }
    const auto type = media.type.empty() ? std::string(type_of_url(url)) : media.type;
    to_.open('{').key("fileData").open('{');
    if (!type.empty()) to_.key("mimeType").text(type);
    to_.key("fileUri").content(media.url).close('}').close('}');
}

}  // namespace understudy::dialects::gemini
