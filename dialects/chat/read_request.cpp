#include "dialects/chat/chat.hpp"
#include "dialects/chat/read_tools.hpp"
#include "dialects/chat/request_kinds.hpp"
#include "dialects/data_url.hpp"
#include "dialects/object.hpp"

#include <algorithm>
#include <iterator>
#include <span>

namespace understudy::dialects::chat {
namespace {

bool names_audio(Value modalities) {
    bool audio = false;
    modalities.elements([&](Value one) { audio = audio || one.is("audio"); });
    return audio;
}

/// Members with which nothing is asked for: their loss is none.
bool says_the_usual(std::string_view key, Value value) {
    if (key == "modalities") return true;
    if (key == "store") return !value.is_true();
    if (key == "service_tier") return value.is("auto") || value.is("default");
    if (key == "metadata" || key == "logit_bias") return value.is_object() && value.empty();
    return false;
}

bool is_thought(Value type) {
    return type.is("thinking") || type.is("redacted_thinking") || type.is("reasoning");
}

class Reader {
  public:
    Reader(Value body, Talk& talk) : body_(body), talk_(talk) {}
    std::optional<Problem> run();

  private:
    void member(std::string_view key, Value value);
    void sampling(std::string_view key, Value value);
    void limit();
    void before_tools(std::string_view key, Value value);
    void effort(Value value);
    void user(Value value);
    void logprobs(Value value);
    void thinking(Value value);
    void messages(Value list);
    void message(Value value, std::size_t index);
    void content(Value value, const std::string& where, std::vector<Block>& blocks);
    void part(Value value, const std::string& where, std::vector<Block>& blocks);
    void image(Value value, const std::string& where, std::vector<Block>& blocks);
    void file(Value value, const std::string& where, std::vector<Block>& blocks);
    void audio(Value value, const std::string& where, std::vector<Block>& blocks);
    void assistant(const Object& one, const std::string& where, Turn& turn);
    void thoughts(const Object& one, Turn& turn);
    void call(Value one, const std::string& where, Turn& turn);
    void format(Value value);
    void stop(Value value);
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }
    template <class Members>  // a Value or an Object
    bool right(const Members& object, std::span<const Expected> table, std::string_view where) {
        if (auto problem = check_kinds(object, table, where)) refuse(std::move(*problem));
        return !problem_;
    }

    const Object body_;
    Talk& talk_;
    std::optional<Problem> problem_;
    bool leading_ = true;  // only system messages so far
};

std::optional<Problem> Reader::run() {
    if (!right(body_, kBody, {})) return problem_;
    body_.members([this](std::string_view key, Value value) { member(key, value); });
    if (!problem_ && !body_.at("messages").is_array()) {
        refuse(bad("messages is missing, or no list"));
    }
    limit();
    talk_.keep_allowed();
    if (auto problem = check_choice(talk_)) refuse(std::move(*problem));
    return problem_;
}

// The newer name wins where both are there, and the older one may then say 0. -1 is how clients of
// llama.cpp and LM Studio say that there is no limit.
void Reader::limit() {
    const auto unlimited = [](Value most) { return most.nothing() || most.number() == -1; };
    const auto older = body_.at("max_tokens");
    const auto newer = body_.at("max_completion_tokens");
    if (!unlimited(newer)) {
        if (auto problem = check_limit("max_completion_tokens", newer)) {
            refuse(std::move(*problem));
        }
        talk_.max_tokens = newer;
        if (older.is_number() && older.number() == 0) return;
    }
    if (unlimited(older)) return;
    if (auto problem = check_limit("max_tokens", older)) refuse(std::move(*problem));
    if (!talk_.max_tokens.present()) talk_.max_tokens = older;
}

void Reader::member(std::string_view key, Value value) {
    if (value.nothing()) return;
    if (key == "messages") return messages(value);
    if (key == "model" || key == "stream_options" || key == "max_tokens") return;
    if (key == "max_completion_tokens") return;
    if (key == "stream") {
        talk_.stream = value.is_true();
    } else if (key == "stop") {
        stop(value);
    } else if (key == "tools") {
        if (auto problem = read_tools(value, talk_)) refuse(std::move(*problem));
    } else if (key == "tool_choice") {
        if (auto problem = read_choice(value, talk_)) refuse(std::move(*problem));
    } else if (key == "parallel_tool_calls") {
        talk_.choice.parallel = value.is_true();
    } else if (key == "response_format") {
        format(value);
    } else if (key == "reasoning_effort") {
        effort(value);
    } else if (key == "n") {
        if (auto problem = check_limit(key, value)) refuse(std::move(*problem));
        talk_.answers = value.count(1);
    } else if (key == "functions" || key == "function_call") {
        before_tools(key, value);
    } else {
        sampling(key, value);
    }
}

// Some clients always send these, with nothing in them.
void Reader::before_tools(std::string_view key, Value value) {
    const auto functions = body_.at("functions");
    const bool none = functions.nothing() || (functions.is_array() && functions.empty());
    const bool usual = key == "functions" || value.is("none") || value.is("auto");
    if (none && usual) return;
    refuse(unsupported(std::string(key) + " is the form before tools"));
}

// LiteLLM also takes what /responses calls `reasoning`.
void Reader::effort(Value value) {
    const auto word = value.is_object() ? value.at("effort") : value;
    if (!word.nothing() && !word.is_string()) {
        return refuse(bad("reasoning_effort is no text"));
    }
    const bool shown = !word.nothing() || !value.at("summary").nothing();
    talk_.effort.word = word.text();
    talk_.effort.show = shown && talk_.effort.word != "none";
}

// Some clients number their users.
void Reader::user(Value value) {
    if (value.is_string()) {
        talk_.user = value;
    } else if (value.is_number()) {
        talk_.user = Value::of(talk_.keep('"' + std::string(value.raw()) + '"'));
    } else {
        refuse(bad("user is no text"));
    }
}

// In the older API it is a number, and 0 asks for none.
void Reader::logprobs(Value value) {
    const bool none = value.is_number() && value.number() == 0;
    if (!none && value.kind() != JsonKind::boolean) {
        return refuse(bad("logprobs is no true or false"));
    }
    talk_.logprobs = value.is_true();
}

void Reader::sampling(std::string_view key, Value value) {
    if (key == "temperature") {
        talk_.temperature = value;
    } else if (key == "top_p") {
        talk_.top_p = value;
    } else if (key == "top_k") {
        talk_.top_k = value;
    } else if (key == "seed") {
        talk_.seed = value;
    } else if (key == "presence_penalty") {
        talk_.presence_penalty = value;
    } else if (key == "frequency_penalty") {
        talk_.frequency_penalty = value;
    } else if (key == "user") {
        user(value);
    } else if (key == "prompt_cache_key") {
        talk_.cache_key = value;
    } else if (key == "logprobs") {
        logprobs(value);
    } else if (key == "audio" || (key == "modalities" && names_audio(value))) {
        refuse(unsupported("audio cannot be asked of it"));
    } else if (key == "web_search_options") {
        refuse(unsupported("web_search_options is a search that its own provider runs"));
    } else if (key == "thinking") {
        thinking(value);
    } else if (!says_the_usual(key, value)) {
        talk_.drop(key);  // what is known nowhere here has no place in another API either
    }
}

// As LiteLLM and some providers take it, in the words of Anthropic's API.
void Reader::thinking(Value value) {
    if (!right(value, kThinking, "thinking")) return;
    if (value.at("type").is("disabled")) talk_.effort.word = "none";
    const auto budget = value.at("budget_tokens");
    if (budget.is_number()) talk_.effort.budget = budget.count();
    talk_.effort.show = !value.at("type").is("disabled");
}

void Reader::stop(Value value) {
    if (value.is_string()) return talk_.stop.push_back(value.content());
    if (!value.is_array()) return refuse(bad("stop is neither text nor a list"));
    value.elements([&](Value one) {
        if (!one.is_string()) return refuse(bad("stop: one of them is no text"));
        talk_.stop.push_back(one.content());
    });
}

void Reader::messages(Value list) {
    if (!list.is_array()) return;
    std::size_t index = 0;
    list.elements([&](Value one) { message(one, index++); });
    if (index == 0) refuse(bad("messages is empty"));
}

void Reader::message(Value value, std::size_t index) {
    const Object one(value);
    const std::string where = "messages[" + std::to_string(index) + "]";
    if (!right(one, kMessage, where)) return;
    const auto role = one.at("role");
    Turn turn;
    if (!one.at("name").nothing() && !role.is("tool")) talk_.drop("messages[].name");
    if (role.is("system") || role.is("developer")) {
        std::vector<Block> blocks;
        content(one.at("content"), where, blocks);
        if (leading_) {
            std::move(blocks.begin(), blocks.end(), std::back_inserter(talk_.system));
            return;
        }
        turn.role = Role::system;
        turn.blocks = std::move(blocks);
    } else if (role.is("user")) {
        content(one.at("content"), where, turn.blocks);
    } else if (role.is("assistant")) {
        turn.role = Role::assistant;
        assistant(one, where, turn);
    } else if (role.is("tool")) {
        Block result(Block::Kind::result);
        result.id = one.at("tool_call_id").text();
        if (result.id.empty()) refuse(bad(where + ".tool_call_id is missing"));
        content(one.at("content"), where, result.inner);
        result.cache = one.at("cache_control");
        turn.blocks.push_back(std::move(result));
    } else if (role.is("function")) {
        refuse(unsupported(where + ".role: function is the form before tools"));
        return;
    } else {
        refuse(bad(where + ".role is none of system, developer, user, assistant and tool"));
        return;
    }
    leading_ = false;
    talk_.turns.push_back(std::move(turn));
}

void Reader::content(Value value, const std::string& where, std::vector<Block>& blocks) {
    if (value.nothing()) return;
    if (value.is_string()) {
        Block text;
        text.content = value.content();
        blocks.push_back(std::move(text));
    } else if (value.is_array()) {
        value.elements([&](Value one) { part(one, where, blocks); });
    } else {
        refuse(bad(where + ".content is neither text nor a list of parts"));
    }
}

void Reader::part(Value value, const std::string& where, std::vector<Block>& blocks) {
    if (value.is_string()) {  // some clients list plain texts
        blocks.emplace_back().content = value.content();
        return;
    }
    const auto type = value.at("type");
    if (!type.is_string()) return refuse(bad(where + ": a part of the content has no type"));
    if (!right(value, kPart, where + ": a part")) return;
    if (type.is("text") || type.is("input_text") || type.is("output_text")) {
        const auto [words, cache] = value.pick({"text", "cache_control"});
        if (!words.is_string()) return refuse(bad(where + ": the text of a part is no text"));
        auto& text = blocks.emplace_back();
        text.content = words.content();
        text.cache = cache;
    } else if (type.is("refusal")) {
        blocks.emplace_back().content = value.at("refusal").content();
    } else if (type.is("image_url")) {
        image(value, where, blocks);
    } else if (type.is("file")) {
        file(value, where, blocks);
    } else if (type.is("input_audio")) {
        audio(value, where, blocks);
    } else if (is_thought(type)) {  // as Mistral and others write them; no text of the answer
        talk_.drop("messages[].content[]." + type.text());
    } else {
        refuse(unsupported(where + ": a part of type " + type.text() +
                           " is known to its own provider only"));
    }
}

void Reader::image(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto image = value.at("image_url");
    if (!right(image, kImage, where + ": image_url")) return;
    const auto url = image.is_string() ? image : image.at("url");
    auto media = media_of_url(url.content(), Media::Kind::image);
    if (!media || url.content().empty()) {
        refuse(bad(where + ": an image_url is neither a URL nor data in base64"));
        return;
    }
    const auto detail = image.at("detail");
    if (!detail.nothing() && !detail.is("auto")) talk_.drop("messages[].content[].detail");
    Block block(Block::Kind::media);
    block.media = std::move(*media);
    block.cache = value.at("cache_control");
    blocks.push_back(std::move(block));
}

void Reader::audio(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto audio = value.at("input_audio");
    if (!right(audio, kAudio, where + ": input_audio")) return;
    const auto [data, format] = audio.pick({"data", "format"});
    if (data.nothing() || format.nothing()) {
        return refuse(bad(where + ": an input_audio has no data or no format"));
    }
    auto& media = blocks.emplace_back(Block::Kind::media).media;
    media.kind = Media::Kind::audio;
    media.data = data.content();
    media.type = "audio/" + format.text();
}

void Reader::file(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto file = value.at("file");
    if (!right(file, kFile, where + ": file")) return;
    Block block(Block::Kind::media);
    if (const auto id = file.at("file_id"); id.is_string()) {
        block.media.kind = Media::Kind::document;
        block.media.source = Media::Source::file;
        block.media.data = id.content();
    } else {
        auto media = media_of_file_data(file.at("file_data").content());
        if (!media) {
            refuse(bad(where + ": file_data is not data in base64"));
            return;
        }
        block.media = std::move(*media);
    }
    block.media.title = file.at("filename").content();
    block.cache = value.at("cache_control");
    blocks.push_back(std::move(block));
}

// Thoughts that the client got from somebody and sends back, in the forms of several servers.
void Reader::thoughts(const Object& one, Turn& turn) {
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

void Reader::assistant(const Object& one, const std::string& where, Turn& turn) {
    thoughts(one, turn);
    content(one.at("content"), where, turn.blocks);
    if (const auto refusal = one.at("refusal"); refusal.is_string() && !refusal.empty()) {
        Block text;
        text.content = refusal.content();
        turn.blocks.push_back(std::move(text));
    }
    one.at("tool_calls").elements([&](Value value) { call(value, where, turn); });
    if (!one.at("function_call").nothing()) {
        refuse(unsupported("function_call is the form before tools"));
    }
    if (one.at("audio").is_object()) refuse(unsupported("audio cannot be sent to it"));
}

void Reader::call(Value one, const std::string& where, Turn& turn) {
    if (!right(one, kCall, where + ".tool_calls[]")) return;
    Block block(Block::Kind::call);
    const auto type = one.at("type");
    block.id = one.at("id").text();
    block.custom = type.is("custom");
    if (!block.custom && !type.content().empty() && !type.is("function")) {
        return refuse(unsupported(where + ".tool_calls: a call of type " + type.text() +
                                  " is known to its own provider only"));
    }
    const auto function = one.at(block.custom ? "custom" : "function");
    if (!right(function, kFunction, where + ".tool_calls[].function")) return;
    block.name = function.at("name").text();
    const auto arguments = function.at(block.custom ? "input" : "arguments");
    if (!arguments.nothing() && !arguments.is_object() && !arguments.is_string()) {
        return refuse(bad(where + ".tool_calls: the arguments of a call are no text"));
    }
    block.arguments_escaped = !arguments.is_object();
    block.arguments = arguments.is_object() ? arguments.raw() : arguments.content();
    const auto google = one.at("extra_content").at("google");
    if (const auto seal = google.at("thought_signature"); seal.is_string()) {
        block.seal = seal.content();
        block.sealed_by = SealKind::gemini;
    }
    if (block.name.empty()) {
        refuse(bad(where + ".tool_calls: a call has no name"));
        return;
    }
    turn.blocks.push_back(std::move(block));
}

void Reader::format(Value value) {
    const auto type = value.at("type");
    if (type.is("json_object")) {
        talk_.format.kind = Format::Kind::object;
    } else if (type.is("json_schema")) {
        const auto schema = value.at("json_schema");
        if (!right(schema, kSchema, "response_format.json_schema")) return;
        talk_.format.kind = Format::Kind::schema;
        talk_.format.name = schema.at("name").text();
        talk_.format.schema = schema.at("schema");
        talk_.format.strict = schema.at("strict").is_true();
        // It may be left out: any object will do.
        if (talk_.format.schema.nothing()) talk_.format = {Format::Kind::object, {}, {}, false};
    } else if (type.is_string() && !type.is("text")) {
        refuse(unsupported("response_format of type " + type.text() +
                           " is known to its own provider only"));
    } else if (!type.is("text")) {
        refuse(bad("response_format.type is none of text, json_object and json_schema"));
    }
}

}  // namespace

std::optional<Problem> read_request(Value body, Talk& talk) {
    return Reader(body, talk).run();
}

}  // namespace understudy::dialects::chat
