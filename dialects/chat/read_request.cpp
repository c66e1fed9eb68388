#include "dialects/chat/chat.hpp"
#include "dialects/chat/read_messages.hpp"
#include "dialects/chat/read_tools.hpp"
#include "dialects/chat/request_kinds.hpp"
#include "dialects/object.hpp"

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
    if (key == "top_logprobs") return value.is_number() && value.count() == 0;
    if (key == "service_tier") return value.is("auto") || value.is("default");
    if (key == "metadata" || key == "logit_bias") return value.is_object() && value.empty();
    return false;
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
    void reasoning(Value value);
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
    if (key == "messages") {
        if (!value.is_array()) return;
        if (auto problem = read_messages(value, talk_)) refuse(std::move(*problem));
        return;
    }
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
    } else if (key == "reasoning") {
        reasoning(value);
    } else if (!says_the_usual(key, value)) {
        talk_.drop(key);  // what is known nowhere here has no place in another API either
    }
}

// As LiteLLM and some providers take it, in the words of Anthropic's API.
void Reader::thinking(Value value) {
    if (!right(value, kThinking, "thinking")) return;
    const auto [type, budget] = value.pick({"type", "budget_tokens"});
    auto& effort = talk_.effort;
    effort.show = !type.is("disabled");
    if (!effort.show) {
        effort.word = "none";
    } else if (budget.is_number()) {
        effort.budget = budget.count();
    } else if (effort.word.empty()) {
        effort.word = "medium";  // as much as the model sees fit
    }
}

// As OpenRouter takes it. An object that says nothing of how much leaves that as it is.
void Reader::reasoning(Value value) {
    if (!right(value, kReasoning, "reasoning")) return;
    const auto [word, most, enabled, exclude] =
        value.pick({"effort", "max_tokens", "enabled", "exclude"});
    auto& effort = talk_.effort;
    const bool off = enabled.kind() == JsonKind::boolean && !enabled.is_true();
    if (!word.content().empty()) {
        effort.word = word.text();
    } else if (off) {
        effort.word = "none";
    } else if (most.is_number()) {
        effort.budget = most.count();
    } else if (enabled.is_true() && !effort.said()) {
        effort.word = "medium";
    }
    effort.show = effort.said() && effort.word != "none" && !exclude.is_true();
}

void Reader::stop(Value value) {
    if (value.is_string()) return talk_.stop.push_back(value.content());
    if (!value.is_array()) return refuse(bad("stop is neither text nor a list"));
    value.elements([&](Value one) {
        if (!one.is_string()) return refuse(bad("stop: one of them is no text"));
        talk_.stop.push_back(one.content());
    });
}

// The schema stands in an object of its own, or, as other APIs and many servers have it, beside
// the type. It may be left out: any object will do.
void Reader::format(Value value) {
    const auto [type, wrapped] = value.pick({"type", "json_schema"});
    const bool object = type.is("json_object");
    if (!object && !type.is("json_schema")) {
        if (type.is("text")) return;
        return refuse(type.is_string() ? unsupported("response_format of type " + type.text() +
                                                     " is known to its own provider only")
                                       : bad("response_format.type is none of text, json_object "
                                             "and json_schema"));
    }
    const bool flat = wrapped.nothing();
    const auto said = flat ? value : wrapped;
    if (!right(said, kSchema, flat ? "response_format" : "response_format.json_schema")) return;
    const auto [name, schema, strict, description] =
        said.pick({"name", "schema", "strict", "description"});
    talk_.format.kind = schema.nothing() ? Format::Kind::object : Format::Kind::schema;
    if (schema.nothing()) return;
    talk_.format.name = name.text();
    talk_.format.schema = schema;
    talk_.format.strict = strict.is_true();
    if (!description.content().empty()) talk_.drop("response_format.json_schema.description");
}

}  // namespace

std::optional<Problem> read_request(Value body, Talk& talk) {
    return Reader(body, talk).run();
}

}  // namespace understudy::dialects::chat
