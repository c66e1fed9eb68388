#include "dialects/gemini/read_contents.hpp"

#include "dialects/gemini/contents.hpp"
#include "dialects/gemini/media_type.hpp"
#include "dialects/gemini/proto_json.hpp"
#include "dialects/ids.hpp"

#include <algorithm>

namespace understudy::dialects::gemini {
namespace {

using Kind = Block::Kind;

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return text;
}

bool is_seal(Value seal) {
    return seal.is_string() && !seal.empty() && seal.content() != kNoSeal;
}

struct Part {
    Value text, call, response, data, file, seal;
    bool thought = false;
    std::string other;  // a member that is none of these
    bool says() const {
        return text.present() || call.present() || response.present() || data.present() ||
               file.present() || seal.present();
    }
    /// A part is one thing; an empty text beside it is none.
    bool says_several() const {
        const int texts = text.present() && !text.empty() ? 1 : 0;
        return texts + call.present() + response.present() + data.present() + file.present() > 1;
    }
};

/// What Google's own tools did: the words around it tell what came of it.
bool is_hosted(std::string_view member) {
    return member == "executableCode" || member == "codeExecutionResult" || member == "toolCall" ||
           member == "toolResponse";
}

}  // namespace

void ContentsReader::contents(Value value) {
    if (!value.is_array() && !value.is_object())
        return refuse(bad("contents is missing, or no list"));
    std::size_t index = 0;
    each_of(value, [&](Value one) { content(one, index++); });
    if (index == 0) refuse(bad("contents is empty"));
}

void ContentsReader::content(Value one, std::size_t index) {
    const std::string where = "contents[" + std::to_string(index) + "]";
    if (!one.is_object()) return refuse(bad(where + " is no object"));
    const auto role = one.at("role");
    Turn turn;
    if (role.is("model")) {
        turn.role = Role::assistant;
        // A model's turn may come in several pieces; the user's words between two make them two.
        const bool goes_on = !talk_.turns.empty() && talk_.turns.back().role == Role::assistant;
        if (!goes_on) forget_calls();
    } else if (!role.nothing() && !role.is("") && !role.is("user") && !role.is("function") &&
               !role.is("tool")) {  // SDKs call the turn of results by either of these
        return refuse(bad(where + ".role is none of user and model"));
    }
    each_of(one.at("parts"), [&](Value part_value) { part(part_value, where, turn); });
    talk_.turns.push_back(std::move(turn));
}

void ContentsReader::instruction(Value value) {
    const auto says_nothing = [](Value part) {
        bool nothing = part.is_object();
        part.members([&](std::string_view, Value one) { nothing = nothing && one.nothing(); });
        return nothing;
    };
    const auto say = [&](Value text) {
        if (!text.is_string()) return refuse(bad("systemInstruction: a part is no text"));
        talk_.system.emplace_back(Kind::text).content = text.content();
    };
    if (value.is_string()) return say(value);
    if (!value.is_object()) return refuse(bad("systemInstruction is no content"));
    each_of(value.at("parts"), [&](Value one) {
        if (!says_nothing(one)) say(one.is_object() ? one.at("text") : one);
    });
}

void ContentsReader::part(Value one, const std::string& where, Turn& turn) {
    if (!one.is_object()) return refuse(bad(where + ".parts: a part is no object"));
    Part part;
    members_of(one, [&](std::string_view key, Value value) {
        if (key == "text") {
            part.text = value;
        } else if (key == "thought") {
            part.thought = value.is_true();
        } else if (key == "thoughtSignature") {
            part.seal = value;
        } else if (key == "functionCall") {
            part.call = value;
        } else if (key == "functionResponse") {
            part.response = value;
        } else if (key == "inlineData") {
            part.data = value;
        } else if (key == "fileData") {
            part.file = value;
        } else {
            // Or how a picture or a film is to be looked at.
            talk_.drop("contents[].parts[]." + std::string(key));
            if (!is_hosted(key)) part.other = key;
        }
    });
    if (!part.says() && !part.other.empty()) {
        return refuse(
            unsupported(where + ".parts: " + part.other + " is known to its own provider only"));
    }
    if (part.says_several()) {
        return refuse(bad(where + ".parts: a part holds more than one thing"));
    }
    if (part.call.present()) return call(part.call, part.seal, where, turn);
    if (part.response.present()) return result(part.response, where, turn);
    if (part.data.present()) return media(part.data, where, turn.blocks);
    if (part.file.present()) return file(part.file, where, turn.blocks);
    text(part.text, part.seal, part.thought, where, turn);
}

void ContentsReader::text(Value text, Value seal, bool thought, const std::string& where,
                          Turn& turn) {
    if (text.present() && !text.is_string()) return refuse(bad(where + ".parts: text is no text"));
    // The seal of visible words is a hint for its own provider; thoughts are taken out by those
    // whom they mean nothing to.
    if (is_seal(seal) && !thought) talk_.drop("thoughtSignature");
    if (!text.present() || (text.empty() && !thought)) return;
    auto& block = turn.blocks.emplace_back(thought ? Kind::thinking : Kind::text);
    block.content = text.content();
    if (!thought) return;
    block.sealed_by = SealKind::gemini;
    if (is_seal(seal)) block.seal = seal.content();
}

void ContentsReader::call(Value value, Value seal, const std::string& where, Turn& turn) {
    Value id, name, args;
    members_of(value, [&](std::string_view key, Value member) {
        if (key == "id") {
            id = member;
        } else if (key == "name") {
            name = member;
        } else if (key == "args") {
            args = member;
        }
    });
    if (!name.is_string() || name.empty())
        return refuse(bad(where + ": a functionCall has no name"));
    if (args.present() && !args.is_object()) {
        return refuse(bad(where + ": the args of a functionCall are no object"));
    }
    if (turn.role != Role::assistant) {
        return refuse(bad(where + ": a functionCall stands in a turn that is not the model's"));
    }
    Block block(Kind::call);
    block.name = name.text();
    block.arguments = args.present() ? args.raw() : std::string_view("{}");
    block.id = id.text();
    if (block.id.empty()) {
        const auto seed = block.name + '\n' + std::string(block.arguments);
        block.id = minted_id("call_", seed, called_);
    }
    ++called_;
    if (is_seal(seal)) {
        block.seal = seal.content();
        block.sealed_by = SealKind::gemini;
    }
    by_id_.emplace(block.id, calls_.size());
    by_name_[block.name].push_back(calls_.size());
    calls_.push_back({block.id, block.name, false});
    turn.blocks.push_back(std::move(block));
}

void ContentsReader::forget_calls() {
    calls_.clear();
    by_id_.clear();
    by_name_.clear();
}

// The call that a result belongs to. Some clients lose the ids on one side only.
std::string ContentsReader::id_of_result(const std::string& id, const std::string& name) {
    if (const auto at = by_id_.find(id); !id.empty() && at != by_id_.end()) {
        calls_[at->second].answered = true;
        return id;
    }
    auto& open = by_name_[name];
    while (!open.empty() && calls_[open.front()].answered) open.pop_front();
    if (open.empty()) return id.empty() ? minted_id("call_", name, called_) : id;
    auto& call = calls_[open.front()];
    open.pop_front();
    call.answered = true;
    return call.id;
}

void ContentsReader::result(Value value, const std::string& where, Turn& turn) {
    Value id, name, response, parts;
    members_of(value, [&](std::string_view key, Value member) {
        if (key == "id") {
            id = member;
        } else if (key == "name") {
            name = member;
        } else if (key == "response") {
            response = member;
        } else if (key == "parts") {
            parts = member;
        } else {
            talk_.drop("functionResponse." + std::string(key));
        }
    });
    if (!name.is_string() || name.empty()) {
        return refuse(bad(where + ": a functionResponse has no name"));
    }
    if (response.present() && !response.is_object()) {
        return refuse(bad(where + ": the response of a functionResponse is no object"));
    }
    Block block(Kind::result);
    block.name = name.text();
    block.id = id_of_result(id.text(), block.name);
    said(response, block);
    each_of(parts, [&](Value one) {
        const auto data = member_of(one, "inlineData");
        if (data.present()) return media(data, where, block.inner);
        const auto place = member_of(one, "fileData");
        if (place.present()) return file(place, where, block.inner);
        refuse(bad(where + ": a part of a functionResponse is no media"));
    });
    turn.blocks.push_back(std::move(block));
}

// What stands alone in `output`, `result` or `error` is the result; of anything else the object is.
void ContentsReader::said(Value response, Block& result) {
    std::size_t members = 0;
    std::string key;
    Value only;
    response.members([&](std::string_view name, Value value) {
        ++members;
        key = name;
        only = value;
    });
    auto& text = result.inner.emplace_back(Kind::text);
    const bool alone = members == 1 && (key == "output" || key == "result" || key == "error");
    if (alone) result.is_error = key == "error";
    if (members == 0) return;
    if (alone && only.is_string()) {
        text.content = only.content();
    } else {
        text.content = talk_.keep(escaped(alone ? only.raw() : response.raw()));
    }
}

std::optional<Media::Kind> ContentsReader::kind_of(std::string_view type,
                                                   const std::string& where) {
    if (type.starts_with("image/")) return Media::Kind::image;
    if (type.starts_with("audio/")) return Media::Kind::audio;
    if (type.starts_with("video/")) {
        refuse(unsupported(where + ": films are known to this provider only"));
        return std::nullopt;
    }
    return Media::Kind::document;
}

void ContentsReader::media(Value value, const std::string& where, std::vector<Block>& blocks) {
    Block block(Kind::media);
    auto& media = block.media;
    media.type = lower(member_of(value, "mimeType").text());
    media.title = member_of(value, "displayName").content();
    const auto data = value.at("data");
    if (!data.is_string() || data.empty()) {
        return refuse(bad(where + ": inlineData has no data"));
    }
    if (media.type.empty()) return refuse(bad(where + ": inlineData has no mimeType"));
    const auto kind = kind_of(media.type, where);
    if (!kind) return;
    media.kind = *kind;
    media.data = data.content();
    blocks.push_back(std::move(block));
}

void ContentsReader::file(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto place = member_of(value, "fileUri");
    if (!place.is_string() || place.empty()) {
        return refuse(bad(where + ": fileData has no fileUri"));
    }
    const auto url = place.text();
    if (is_googles_own(url)) {
        return refuse(
            unsupported(where + ": a file of Google's is known to its own provider only"));
    }
    Block block(Kind::media);
    auto& media = block.media;
    media.source = Media::Source::url;
    media.url = place.content();
    media.title = member_of(value, "displayName").content();
    media.type = lower(member_of(value, "mimeType").text());
    if (media.type.empty()) media.type = type_of_url(url);
    const auto kind = kind_of(media.type, where);
    if (!kind) return;
    media.kind = *kind;
    blocks.push_back(std::move(block));
}

}  // namespace understudy::dialects::gemini
