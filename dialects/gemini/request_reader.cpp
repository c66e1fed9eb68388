#include "dialects/gemini/request_reader.hpp"

#include "dialects/gemini/proto_json.hpp"
#include "dialects/gemini/read_contents.hpp"
#include "dialects/gemini/read_schema.hpp"

#include <algorithm>
#include <array>

namespace understudy::dialects::gemini {
namespace {

// https://ai.google.dev/api/generate-content#ThinkingLevel, and what newer models take.
constexpr std::array<std::string_view, 6> kLevels{"minimal", "low",   "medium",
                                                  "high",    "xhigh", "max"};

// Values of enumerations in the order of their numbers, as raw JSON: Google's older libraries send
// those.  googleapis, google/ai/generativelanguage/v1beta/content.proto, generative_service.proto
constexpr std::array<std::string_view, 5> kModes{R"("MODE_UNSPECIFIED")", R"("AUTO")", R"("ANY")",
                                                 R"("NONE")", R"("VALIDATED")"};
constexpr std::array<std::string_view, 4> kModalities{R"("MODALITY_UNSPECIFIED")", R"("TEXT")",
                                                      R"("IMAGE")", R"("AUDIO")"};

class Reader {
  public:
    Reader(Value body, Talk& talk) : body_(body), talk_(talk), contents_(talk) {}
    std::optional<Problem> run();

  private:
    void member(std::string_view key, Value value);
    void tool(Value value);
    void declaration(Value value);
    void choice(Value value);
    void one_of();
    void check_allowed();
    void mode(Value mode, Value allowed);
    void config(std::string_view key, Value value);
    bool number(std::string_view key, Value value);
    bool format(std::string_view key, Value value);
    void modalities(Value value);
    void thinking(Value value);
    void level(Value value);
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    Value body_;
    Talk& talk_;
    ContentsReader contents_;
    Value mime_, schema_;
    bool theirs_ = false;  // the schema is in Google's own words
    std::optional<Problem> problem_;
};

std::optional<Problem> Reader::run() {
    if (!body_.is_object()) return bad("the body is no object");
    contents_.contents(member_of(body_, "contents"));
    members_of(body_, [this](std::string_view key, Value value) { member(key, value); });
    if (contents_.problem()) return std::move(contents_.problem());
    if (mime_.is("text/x.enum")) {
        one_of();
    } else if (schema_.present()) {
        talk_.format.kind = Format::Kind::schema;
        const auto text = theirs_ ? talk_.keep(json_schema(schema_)) : schema_.raw();
        talk_.format.schema = Value::of(text);
    } else if (mime_.is("application/json")) {
        talk_.format.kind = Format::Kind::object;
    }
    talk_.keep_allowed();
    check_allowed();
    return std::move(problem_);
}

// One word of several, as plain text: other APIs are asked for it in words.
void Reader::one_of() {
    std::string words;
    schema_.at("enum").elements([&](Value word) {
        if (word.is_string()) words += (words.empty() ? "" : ", ") + escaped(word.raw());
    });
    if (words.empty()) {
        return refuse(unsupported("generationConfig.responseMimeType text/x.enum is known to its " +
                                  std::string("own provider only, unless the schema has an enum")));
    }
    auto& block = talk_.system.emplace_back();
    block.content =
        talk_.keep("Answer with one of these and nothing else, without quotes: " + words);
    talk_.drop("generationConfig.responseMimeType");
}

void Reader::check_allowed() {
    using Kind = Choice::Kind;
    const auto& choice = talk_.choice;
    const bool forced = choice.kind == Kind::required || choice.kind == Kind::named;
    if (forced && !choice.allowed.empty() && talk_.tools.empty()) {
        refuse(bad("toolConfig: allowedFunctionNames names no function that is declared"));
    }
}

void Reader::member(std::string_view key, Value value) {
    if (key == "contents" || key == "model") return;
    if (key == "systemInstruction") {
        contents_.instruction(value);
    } else if (key == "tools") {
        each_of(value, [this](Value one) { tool(one); });
    } else if (key == "toolConfig") {
        choice(value);
    } else if (key == "generationConfig") {
        if (!value.is_object()) return refuse(bad("generationConfig is no object"));
        members_of(value, [this](std::string_view name, Value one) { config(name, one); });
    } else if (key == "cachedContent") {
        refuse(unsupported("cachedContent is known to its own provider only"));
    } else if (key != "store" || value.is_true()) {
        talk_.drop(key);
    }
}

// All members but the declarations are tools that Google runs itself.
void Reader::tool(Value value) {
    if (!value.is_object()) return refuse(bad("tools: a tool is no object"));
    members_of(value, [this](std::string_view key, Value one) {
        if (key == "functionDeclarations") {
            each_of(one, [this](Value each) { declaration(each); });
        } else {
            refuse(unsupported("the tool " + std::string(key) + " is run by its own provider"));
        }
    });
}

void Reader::declaration(Value value) {
    Tool tool;
    members_of(value, [&](std::string_view key, Value one) {
        if (key == "name") {
            tool.name = one.text();
        } else if (key == "description") {
            if (!one.is_string()) refuse(bad("the description of a function is no text"));
            tool.description = one.content();
        } else if (key == "parameters") {
            if (!tool.schema.present()) tool.schema = Value::of(talk_.keep(json_schema(one)));
        } else if (key == "parametersJsonSchema") {
            tool.schema = one;
        } else {
            talk_.drop("functionDeclarations[]." + std::string(key));
        }
    });
    if (tool.name.empty()) return refuse(bad("a function's declaration has no name"));
    if (tool.schema.present() && !tool.schema.is_object()) {
        return refuse(bad("the parameters of the function " + tool.name + " are no schema"));
    }
    talk_.tools.push_back(std::move(tool));
}

void Reader::choice(Value value) {
    members_of(value, [this](std::string_view key, Value one) {
        if (key == "functionCallingConfig") {
            mode(enum_of(member_of(one, "mode"), kModes), member_of(one, "allowedFunctionNames"));
        } else {
            talk_.drop("toolConfig." + std::string(key));
        }
    });
}

void Reader::mode(Value mode, Value allowed) {
    using Kind = Choice::Kind;
    auto& choice = talk_.choice;
    if (mode.is("NONE")) {
        choice.kind = Kind::none;
        return;
    }
    if (mode.is("ANY")) {
        choice.kind = Kind::required;
    } else if (mode.is("AUTO") || mode.is("VALIDATED")) {
        choice.kind = Kind::automatic;
    } else if (!mode.nothing() && !mode.is("MODE_UNSPECIFIED")) {
        return refuse(bad("toolConfig: the mode is none of AUTO, ANY, VALIDATED and NONE"));
    }
    if (mode.is("AUTO")) return;  // there all may be called, whatever is listed
    each_of(allowed, [&](Value name) {
        if (!name.is_string()) return refuse(bad("toolConfig: an allowed function is no name"));
        choice.allowed.push_back(name.text());
    });
    if (choice.kind != Kind::required || choice.allowed.size() != 1) return;
    choice.kind = Kind::named;
    choice.name = choice.allowed.front();
}

bool Reader::number(std::string_view key, Value value) {
    struct Row {
        std::string_view key;
        Value Talk::*member;
    };
    static constexpr std::array kRows{
        Row{"temperature", &Talk::temperature},
        Row{"topP", &Talk::top_p},
        Row{"topK", &Talk::top_k},
        Row{"seed", &Talk::seed},
        Row{"presencePenalty", &Talk::presence_penalty},
        Row{"frequencyPenalty", &Talk::frequency_penalty},
        Row{"maxOutputTokens", &Talk::max_tokens},
        Row{"candidateCount", nullptr},
    };
    const auto row =
        std::find_if(kRows.begin(), kRows.end(), [&](const Row& one) { return one.key == key; });
    if (row == kRows.end()) return false;
    const auto said = number_of(value);
    if (!said.present()) {
        refuse(bad("generationConfig." + std::string(key) + " is no number"));
    } else if (key == "maxOutputTokens" && said.number() == 0) {
        return true;  // what is left out, in protocol buffers
    } else if (row->member == nullptr) {
        talk_.answers = said.count(1);
    } else if (auto wrong = check_limit("generationConfig.maxOutputTokens", said);
               key == "maxOutputTokens" && wrong) {
        refuse(std::move(*wrong));
    } else {
        talk_.*row->member = said;
    }
    return true;
}

bool Reader::format(std::string_view key, Value value) {
    if (key == "responseMimeType") {
        mime_ = value;
        const bool known = value.is("application/json") || value.is("text/plain") ||
                           value.is("text/x.enum") || value.empty();
        if (!known) {
            refuse(unsupported("generationConfig.responseMimeType " + value.text() +
                               " is known to its own provider only"));
        }
        return true;
    }
    const bool theirs = key == "responseSchema";
    if (!theirs && key != "responseJsonSchema" && key != "_responseJsonSchema") return false;
    if (!value.is_object()) {
        refuse(bad("generationConfig." + std::string(key) + " is no schema"));
    } else if (!theirs || !schema_.present()) {
        schema_ = value;
        theirs_ = theirs;
    }
    return true;
}

void Reader::modalities(Value value) {
    each_of(value, [this](Value said) {
        const auto one = enum_of(said, kModalities);
        if (one.is("TEXT") || one.is("MODALITY_UNSPECIFIED")) return;
        refuse(unsupported("generationConfig.responseModalities: " + one.text() +
                           " cannot be asked of it"));
    });
}

void Reader::config(std::string_view key, Value value) {
    if (number(key, value) || format(key, value)) return;
    if (key == "stopSequences") {
        each_of(value, [this](Value one) {
            if (!one.is_string()) return refuse(bad("generationConfig.stopSequences: no text"));
            talk_.stop.push_back(one.content());
        });
    } else if (key == "thinkingConfig") {
        thinking(value);
    } else if (key == "responseModalities") {
        modalities(value);
    } else if (key == "responseLogprobs") {
        if (value.is_true())
            refuse(unsupported("generationConfig.responseLogprobs: none are read"));
    } else if (key == "continuationToken") {
        refuse(unsupported("generationConfig.continuationToken is its own provider's"));
    } else {
        talk_.drop("generationConfig." + std::string(key));
    }
}

void Reader::level(Value value) {
    auto word = value.text();
    for (char& c : word) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    if (std::find(kLevels.begin(), kLevels.end(), word) != kLevels.end()) {
        talk_.effort.word = word;
    } else if (word != "thinking_level_unspecified") {
        talk_.drop("generationConfig.thinkingConfig.thinkingLevel");
    }
}

void Reader::thinking(Value value) {
    auto& effort = talk_.effort;
    members_of(value, [&](std::string_view key, Value one) {
        if (key == "thinkingLevel") {
            level(one);
        } else if (key == "includeThoughts") {
            effort.show = one.is_true();
        } else if (key == "thinkingBudget") {
            const auto budget = number_of(one);
            if (!budget.present()) {
                refuse(bad("generationConfig.thinkingConfig.thinkingBudget is no number"));
            } else if (budget.number() < 0) {
                effort.word = "medium";  // as much as the model sees fit
            } else if (budget.count() == 0) {
                effort.word = "none";
            } else {
                effort.budget = budget.count();
            }
        } else {
            talk_.drop("generationConfig.thinkingConfig." + std::string(key));
        }
    });
    if (effort.word == "none") effort.show = false;
}

}  // namespace

std::optional<Problem> read_request(Value body, Talk& talk) {
    return Reader(body, talk).run();
}

}  // namespace understudy::dialects::gemini
