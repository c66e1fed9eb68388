#include "dialects/chat/read_messages.hpp"

#include "dialects/chat/request_kinds.hpp"
#include "dialects/claude_forms.hpp"
#include "dialects/media_forms.hpp"
#include "dialects/object.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>

namespace understudy::dialects::chat {
namespace {

constexpr std::string_view kParts = "messages[].content[]";

bool is_thought(Value type) {
    return type.is("thinking") || type.is("redacted_thinking") || type.is("reasoning");
}

bool is_text(Value type) {
    return type.is("text") || type.is("input_text") || type.is("output_text");
}

/// A mark for the prompt's cache on a message is one on its end.
void mark(std::vector<Block>& blocks, Value cache) {
    if (!blocks.empty() && blocks.back().cache.nothing()) blocks.back().cache = cache;
}

class Reader {
  public:
    explicit Reader(Talk& talk) : talk_(talk) {}
    std::optional<Problem> run(Value list);

  private:
    /// Who says what is in a list of parts.
    enum class Place : std::uint8_t { words, assistant, user };
    void message(Value value, std::size_t index);
    void name_lost(const Object& message);
    void content(Value value, const std::string& where, Place place, std::vector<Block>& blocks);
    void part(Value value, const std::string& where, Place place, std::vector<Block>& blocks);
    void tool_result(Value value, const std::string& where, std::vector<Block>& blocks);
    void assistant(Value one, const std::string& where, Turn& turn);
    void thoughts(Value one, Turn& turn);
    void call(Value one, const std::string& where, Turn& turn);
    void result(Value one, const std::string& where, Turn& turn);
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }
    template <class Members>  // a Value or an Object
    bool right(const Members& object, std::span<const Expected> table, std::string_view where) {
        if (auto problem = check_kinds(object, table, where)) refuse(std::move(*problem));
        return !problem_;
    }

    Talk& talk_;
    std::optional<Problem> problem_;
    bool leading_ = true;  // only system messages so far
};

std::optional<Problem> Reader::run(Value list) {
    std::size_t index = 0;
    list.elements([&](Value one) { message(one, index++); });
    if (index == 0) refuse(bad("messages is empty"));
    return problem_;
}

// What nobody reads here has no place in another API either.
void Reader::name_lost(const Object& message) {
    message.members([this](std::string_view key, Value value) {
        const bool known = std::find(kMembers.begin(), kMembers.end(), key) != kMembers.end();
        if (!known && !value.nothing() && !value.empty()) {
            talk_.drop("messages[]." + std::string(key));
        }
    });
}

void Reader::message(Value value, std::size_t index) {
    const Object one(value);
    const std::string where = "messages[" + std::to_string(index) + "]";
    if (!right(one, kMessage, where)) return;
    name_lost(one);
    const auto role = one.at("role");
    const auto said = one.at("content");
    const auto cache = one.at("cache_control");
    Turn turn;
    if (!one.at("name").nothing() && !role.is("tool")) talk_.drop("messages[].name");
    if (role.is("system") || role.is("developer")) {
        std::vector<Block> blocks;
        content(said, where, Place::words, blocks);
        mark(blocks, cache);
        if (leading_) {
            std::move(blocks.begin(), blocks.end(), std::back_inserter(talk_.system));
            return;
        }
        turn.role = Role::system;
        turn.blocks = std::move(blocks);
    } else if (role.is("user")) {
        content(said, where, Place::user, turn.blocks);
    } else if (role.is("assistant")) {
        turn.role = Role::assistant;
        assistant(value, where, turn);
    } else if (role.is("tool")) {
        result(value, where, turn);
    } else if (role.is("function")) {
        refuse(unsupported(where + ".role: function is the form before tools"));
        return;
    } else {
        refuse(bad(where + ".role is none of system, developer, user, assistant and tool"));
        return;
    }
    mark(turn.blocks, cache);
    leading_ = false;
    talk_.turns.push_back(std::move(turn));
}

void Reader::result(Value one, const std::string& where, Turn& turn) {
    const auto [id, said] = one.pick({"tool_call_id", "content"});
    auto& result = turn.blocks.emplace_back(Block::Kind::result);
    result.id = id.text();
    if (result.id.empty()) refuse(bad(where + ".tool_call_id is missing"));
    content(said, where, Place::words, result.inner);
}

void Reader::content(Value value, const std::string& where, Place place,
                     std::vector<Block>& blocks) {
    if (value.nothing()) return;
    if (value.is_string()) {
        blocks.emplace_back().content = value.content();
    } else if (value.is_array()) {
        value.elements([&](Value one) { part(one, where, place, blocks); });
    } else {
        refuse(bad(where + ".content is neither text nor a list of parts"));
    }
}

void Reader::part(Value value, const std::string& where, Place place, std::vector<Block>& blocks) {
    if (value.is_string()) {  // some clients list plain texts
        blocks.emplace_back().content = value.content();
        return;
    }
    const auto type = value.at("type");
    if (!type.is_string()) return refuse(bad(where + ": a part of the content has no type"));
    if (is_media_part(type)) {
        auto problem = read_media_part(value, where, kParts, talk_, blocks);
        if (problem) refuse(std::move(*problem));
        return;
    }
    if (!right(value, kPart, where + ": a part")) return;
    if (is_text(type)) {
        const auto [words, cache] = value.pick({"text", "cache_control"});
        if (!words.is_string()) return refuse(bad(where + ": the text of a part is no text"));
        auto& text = blocks.emplace_back();
        text.content = words.content();
        text.cache = cache;
    } else if (type.is("refusal")) {
        blocks.emplace_back().content = value.at("refusal").content();
    } else if (type.is("tool_use") && place == Place::assistant) {
        if (auto problem = read_tool_use(value, where, blocks)) refuse(std::move(*problem));
    } else if (type.is("tool_result") && place == Place::user) {
        tool_result(value, where, blocks);
    } else if (is_thought(type)) {  // as Mistral and others write them; no text of the answer
        talk_.drop("messages[].content[]." + type.text());
    } else {
        refuse(unsupported(where + ": a part of type " + type.text() +
                           " is known to its own provider only"));
    }
}

// Clients that keep their history in Anthropic's words send calls and results as parts.
void Reader::tool_result(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto [id, said, is_error, cache] =
        value.pick({"tool_use_id", "content", "is_error", "cache_control"});
    if (id.content().empty()) return refuse(bad(where + ": a tool_result has no tool_use_id"));
    Block result(Block::Kind::result);
    result.id = id.text();
    result.is_error = is_error.is_true();
    result.cache = cache;
    content(said, where, Place::words, result.inner);
    blocks.push_back(std::move(result));
}

// Thoughts that the client got from somebody and sends back, in the forms of several servers.
void Reader::thoughts(Value one, Turn& turn) {
    one.at("thinking_blocks").elements([&](Value block) {  // LiteLLM's, Anthropic's as they were
        Block thinking(block.at("type").is("redacted_thinking") ? Block::Kind::sealed
                                                                : Block::Kind::thinking);
        thinking.content = block.at("thinking").content();
        if (thinking.kind == Block::Kind::sealed) thinking.content = block.at("data").content();
        thinking.seal = block.at("signature").content();
        thinking.sealed_by = SealKind::claude;
        turn.blocks.push_back(std::move(thinking));
    });
    if (!turn.blocks.empty()) return;
    for (const auto* name : {"reasoning_content", "reasoning"}) {
        const auto said = one.at(name);
        if (!said.is_string() || said.empty()) continue;
        Block thinking(Block::Kind::thinking);
        thinking.content = said.content();
        turn.blocks.push_back(std::move(thinking));
        return;
    }
}

void Reader::assistant(Value one, const std::string& where, Turn& turn) {
    thoughts(one, turn);
    const auto [said, refusal, calls, old, audio] =
        one.pick({"content", "refusal", "tool_calls", "function_call", "audio"});
    content(said, where, Place::assistant, turn.blocks);
    if (!refusal.content().empty()) turn.blocks.emplace_back().content = refusal.content();
    calls.elements([&](Value value) { call(value, where, turn); });
    if (!old.nothing()) refuse(unsupported("function_call is the form before tools"));
    if (audio.is_object()) refuse(unsupported("audio cannot be sent to it"));
}

void Reader::call(Value one, const std::string& where, Turn& turn) {
    if (!right(one, kCall, where + ".tool_calls[]")) return;
    const auto [id, type, plain, free, cache, extra] =
        one.pick({"id", "type", "function", "custom", "cache_control", "extra_content"});
    Block block(Block::Kind::call);
    block.id = id.text();
    block.custom = type.is("custom");
    block.cache = cache;
    if (!block.custom && !type.content().empty() && !type.is("function")) {
        return refuse(unsupported(where + ".tool_calls: a call of type " + type.text() +
                                  " is known to its own provider only"));
    }
    const auto function = block.custom ? free : plain;
    if (!right(function, kFunction, where + ".tool_calls[].function")) return;
    block.name = function.at("name").text();
    const auto arguments = function.at(block.custom ? "input" : "arguments");
    if (!arguments.nothing() && !arguments.is_object() && !arguments.is_string()) {
        return refuse(bad(where + ".tool_calls: the arguments of a call are no text"));
    }
    block.arguments_escaped = !arguments.is_object();
    block.arguments = arguments.is_object() ? arguments.raw() : arguments.content();
    const auto seal = extra.at("google").at("thought_signature");
    if (seal.is_string()) {
        block.seal = seal.content();
        block.sealed_by = SealKind::gemini;
    }
    if (block.name.empty()) {
        refuse(bad(where + ".tool_calls: a call has no name"));
        return;
    }
    turn.blocks.push_back(std::move(block));
}

}  // namespace

std::optional<Problem> read_messages(Value list, Talk& talk) {
    return Reader(talk).run(list);
}

}  // namespace understudy::dialects::chat
