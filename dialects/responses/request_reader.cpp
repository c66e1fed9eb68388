#include "dialects/responses/request_reader.hpp"

#include "dialects/expected.hpp"
#include "dialects/object.hpp"
#include "dialects/responses/input_items.hpp"
#include "dialects/responses/tool_list.hpp"

#include <array>

namespace understudy::dialects::responses {
namespace {

constexpr std::array kExpected{
    Expected{"model", JsonKind::string},
    Expected{"instructions", JsonKind::string},
    Expected{"stream_options", JsonKind::object},
    Expected{"tools", JsonKind::array},
    Expected{"parallel_tool_calls", JsonKind::boolean},
    Expected{"max_tool_calls", JsonKind::number},
    Expected{"text", JsonKind::object},
    Expected{"reasoning", JsonKind::object},
    Expected{"max_output_tokens", JsonKind::number},
    Expected{"temperature", JsonKind::number},
    Expected{"top_p", JsonKind::number},
    Expected{"top_k", JsonKind::number},
    Expected{"top_logprobs", JsonKind::number},
    Expected{"seed", JsonKind::number},
    Expected{"presence_penalty", JsonKind::number},
    Expected{"frequency_penalty", JsonKind::number},
    Expected{"include", JsonKind::array},
    Expected{"store", JsonKind::boolean},
    Expected{"background", JsonKind::boolean},
    Expected{"previous_response_id", JsonKind::string},
    Expected{"prompt", JsonKind::object},
    Expected{"prompt_cache_key", JsonKind::string},
    Expected{"metadata", JsonKind::object},
    Expected{"user", JsonKind::string},
    Expected{"safety_identifier", JsonKind::string},
    Expected{"service_tier", JsonKind::string},
    Expected{"truncation", JsonKind::string},
};

/// Members with which nothing is asked for: their loss is none.
bool says_the_usual(std::string_view key, Value value) {
    if (key == "model" || key == "stream_options") return true;
    if (key == "store" || key == "background") return !value.is_true();
    if (key == "service_tier") return value.is("auto") || value.is("default");
    if (key == "truncation") return value.is("disabled");
    if (key == "metadata") return value.empty();
    if (key == "top_logprobs") return value.count() == 0;
    if (key != "include") return false;
    bool usual = true;  // the seals of thoughts are sent whenever there are any
    value.elements([&](Value one) { usual = usual && one.is("reasoning.encrypted_content"); });
    return usual;
}

class Reader {
  public:
    Reader(Value body, Talk& talk) : body_(body), talk_(talk), tools_(talk) {}
    std::optional<Problem> run();

  private:
    void check_state();
    void member(std::string_view key, Value value);
    bool sampling(std::string_view key, Value value);
    void limit(Value value);
    void text(Value value);
    void format(Value value);
    void reasoning(Value value);
    void stop(Value value);
    void conversation();
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    const Object body_;
    Talk& talk_;
    ToolList tools_;
    std::optional<Problem> problem_;
};

std::optional<Problem> Reader::run() {
    if (!body_.value().is_object()) return bad("the body is no object");
    problem_ = check_kinds(body_, kExpected, {});
    check_state();
    if (problem_) return problem_;
    body_.members([this](std::string_view key, Value value) {
        if (!value.nothing()) member(key, value);
    });
    if (!problem_) conversation();
    return problem_;
}

void Reader::check_state() {
    for (const auto* name : {"previous_response_id", "conversation", "prompt"}) {
        if (body_.at(name).nothing()) continue;
        refuse(unsupported(std::string(name) + " refers to what its own provider keeps"));
    }
    if (body_.at("background").is_true()) {
        refuse(unsupported("background: the answer would be kept by its own provider"));
    }
}

void Reader::member(std::string_view key, Value value) {
    // These need one another, and are read in an order of their own.
    if (key == "input" || key == "tools" || key == "tool_choice" || key == "instructions") return;
    if (key == "stream") {
        talk_.stream = value.is_true();
    } else if (key == "parallel_tool_calls") {
        talk_.choice.parallel = value.is_true();
    } else if (key == "max_output_tokens") {
        limit(value);
    } else if (key == "text") {
        text(value);
    } else if (key == "reasoning") {
        reasoning(value);
    } else if (key == "user") {
        talk_.user = value;
    } else if (key == "prompt_cache_key") {
        talk_.cache_key = value;
    } else if (!sampling(key, value) && !says_the_usual(key, value)) {
        talk_.drop(key);  // what is known nowhere here has no place in another API either
    }
}

// The API has the first two; some servers that speak it take the others.
bool Reader::sampling(std::string_view key, Value value) {
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
    } else if (key == "stop") {
        stop(value);
    } else {
        return false;
    }
    return true;
}

void Reader::stop(Value value) {
    const auto one = [this](Value text) {
        if (!text.is_string()) return refuse(bad("stop is neither text nor a list of texts"));
        talk_.stop.push_back(text.content());
    };
    if (value.is_array()) {
        value.elements(one);
    } else {
        one(value);
    }
}

void Reader::limit(Value value) {
    if (auto problem = check_limit("max_output_tokens", value)) return refuse(std::move(*problem));
    talk_.max_tokens = value;
}

void Reader::text(Value value) {
    format(value.at("format"));
    if (!value.at("verbosity").nothing()) talk_.drop("text.verbosity");
}

// The schema stands beside the type, or, in chat's words, in an object of its own.
void Reader::format(Value value) {
    if (value.nothing()) return;
    const auto [type, wrapped] = value.pick({"type", "json_schema"});
    const auto [name, schema, strict, description] =
        (wrapped.is_object() ? wrapped : value).pick({"name", "schema", "strict", "description"});
    auto& format = talk_.format;
    if (type.is("json_object") && schema.nothing()) {
        format.kind = Format::Kind::object;
    } else if (type.is("json_schema") || type.is("json_object")) {
        format.kind = Format::Kind::schema;
        format.name = name.text();
        format.schema = schema;
        format.strict = strict.is_true();
        if (!description.nothing()) talk_.drop("text.format.description");
        if (!format.schema.is_object()) {
            refuse(bad("text.format.schema is missing, or no object"));
        }
    } else if (type.is_string() && !type.is("text")) {
        refuse(unsupported("text.format: " + type.text() + " is known to its own provider only"));
    } else if (!type.is("text")) {
        refuse(bad("text.format.type is none of text, json_object and json_schema"));
    }
}

void Reader::reasoning(Value value) {
    value.members([this](std::string_view key, Value said) {
        if (said.nothing()) return;
        const bool known = key == "effort" || key == "summary" || key == "generate_summary";
        if (!known) {
            talk_.drop("reasoning." + std::string(key));
        } else if (!said.is_string()) {
            refuse(bad("reasoning." + std::string(key) + " is no text"));
        } else if (key == "effort") {
            talk_.effort.word = said.text();
        } else {
            talk_.effort.show = !said.is("none");
        }
    });
    if (talk_.effort.word == "none") talk_.effort.show = false;
}

void Reader::conversation() {
    const auto instructions = body_.at("instructions");
    if (instructions.is_string() && !instructions.empty()) {
        talk_.system.emplace_back(Block::Kind::text).content = instructions.content();
    }
    const auto input = body_.at("input");
    tools_.add(body_.at("tools"), "tools");
    add_tools_of(input, tools_);
    tools_.name_all();
    if (tools_.problem()) return refuse(std::move(*tools_.problem()));
    if (auto problem = read_input(input, tools_, talk_)) return refuse(std::move(*problem));
    tools_.choose(body_.at("tool_choice"));
    if (tools_.problem()) refuse(std::move(*tools_.problem()));
}

}  // namespace

std::optional<Problem> read_body(Value body, Talk& talk) {
    return Reader(body, talk).run();
}

}  // namespace understudy::dialects::responses
