#include "dialects/chat/chat.hpp"
#include "dialects/ids.hpp"
#include "dialects/openai_gates.hpp"
#include "dialects/schema.hpp"
#include "dialects/text_documents.hpp"
#include "dialects/turns.hpp"

#include <algorithm>

namespace understudy::dialects::chat {
namespace {

using Kind = Block::Kind;

/// Some servers take no longer name, and ids of their own alphabet.
constexpr std::size_t kMostStops = 4;

class RequestWriter {
  public:
    RequestWriter(Talk& talk, const Manner& manner, ToolNames& names, std::string& body)
        : talk_(talk), manner_(manner), names_(names), to_(body) {}
    std::optional<Problem> run();

  private:
    void messages();
    void say(std::string_view role, const std::vector<Block>& blocks);
    void system();
    void user(const Turn& turn);
    void assistant(const Turn& turn);
    void result(const Block& block);
    void content(const std::vector<Block>& blocks);
    void part(const Block& block);
    void media(const Media& media);
    void audio(const Media& media);
    void call(const Block& block);
    void tools();
    void choice();
    void limits();
    void sampling();
    void format();
    void effort();
    std::string call_id(std::string_view id) const {
        return manner_.nine_letter_ids ? nine_letters(id) : legal_id(id, kOpenAiId);
    }
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    Talk& talk_;
    const Manner& manner_;
    ToolNames& names_;
    Writer to_;
    std::optional<Problem> problem_;
};

/// What OpenAI calls a kind of sound, of which it takes two; others go by their own names.
std::string_view audio_format(std::string_view type) {
    type = type.substr(type.find('/') + 1);
    type = type.substr(0, type.find(';'));
    if (type == "mpeg" || type == "mpeg3" || type == "x-mp3") return "mp3";
    return type == "x-wav" || type == "wave" || type == "vnd.wave" ? "wav" : type;
}

bool is_words(const Block& block) {
    return block.kind == Kind::text || block.kind == Kind::media;
}

void RequestWriter::part(const Block& block) {
    if (block.kind == Kind::media) return media(block.media);
    to_.open('{').key("type").text("text").key("text").content(block.content).close('}');
}

void RequestWriter::media(const Media& media) {
    if (media.source == Media::Source::file) {
        return refuse(unsupported("a file is known by its id to its own provider only"));
    }
    if (media.source == Media::Source::text) {
        to_.open('{').key("type").text("text").key("text").content(words_of(media)).close('}');
        return;
    }
    const std::string front = "data:" + escaped(media.type) + ";base64,";
    if (media.kind == Media::Kind::image) {
        to_.open('{').key("type").text("image_url").key("image_url").open('{').key("url");
        if (media.source == Media::Source::url) {
            to_.content(media.url);
        } else {
            to_.content(front + std::string(media.data));
        }
        to_.close('}').close('}');
        return;
    }
    if (media.kind == Media::Kind::audio) return audio(media);
    if (media.source == Media::Source::url) {
        return refuse(unsupported("it takes documents as data, not by their URL"));
    }
    to_.open('{')
        .key("type")
        .text("file")
        .key("file")
        .open('{')
        .key("filename")
        .content(file_name(media));
    to_.key("file_data").content(front + std::string(media.data)).close('}').close('}');
}

void RequestWriter::audio(const Media& media) {
    if (media.source == Media::Source::url) {
        return refuse(unsupported("it takes audio as data, not by its URL"));
    }
    to_.open('{').key("type").text("input_audio").key("input_audio").open('{');
    to_.key("data").content(media.data).key("format").text(audio_format(media.type));
    to_.close('}').close('}');
}

// Text alone goes as text: many servers take no list.
void RequestWriter::content(const std::vector<Block>& blocks) {
    const bool media = std::any_of(blocks.begin(), blocks.end(),
                                   [](const Block& b) { return b.kind == Kind::media; });
    if (!media) {
        to_.content(join_text(blocks, "\\n\\n"));
        return;
    }
    to_.open('[');
    for (const auto& block : blocks) {
        if (is_words(block)) part(block);
    }
    to_.close(']');
}

void RequestWriter::say(std::string_view role, const std::vector<Block>& blocks) {
    to_.open('{').key("role").text(role).key("content");
    content(blocks);
    to_.close('}');
}

void RequestWriter::system() {
    std::erase_if(talk_.system,
                  [](const Block& b) { return b.kind != Kind::text || is_blank(b.content); });
    if (!talk_.system.empty()) say("system", talk_.system);
}

void RequestWriter::result(const Block& block) {
    const auto said = join_text(block.inner, "\\n");
    to_.open('{').key("role").text("tool");
    to_.key("tool_call_id").text(call_id(block.id));
    // There is no member that says so.
    to_.key("content").content(block.is_error ? "Error: " + said : said).close('}');
}

// Results first, one message each; then what they show, and what the user says.
void RequestWriter::user(const Turn& turn) {
    std::vector<Block> words;
    for (const auto& block : turn.blocks) {
        if (block.kind != Kind::result) continue;
        result(block);
        for (const auto& inner : block.inner) {
            if (inner.kind != Kind::media) continue;
            Block note;
            note.content = talk_.keep("(from the tool call " + escaped(block.id) + ")");
            words.push_back(std::move(note));
            words.push_back(inner);
        }
    }
    for (const auto& block : turn.blocks) {
        if (is_words(block)) words.push_back(block);
    }
    if (!words.empty()) say("user", words);
}

void RequestWriter::call(const Block& block) {
    to_.open('{').key("id").text(call_id(block.id)).key("type").text("function");
    to_.key("function").open('{').key("name").text(names_.sent(block.name)).key("arguments");
    if (block.custom) {
        std::string object;
        Writer(object).open('{').key("input").content(block.arguments).close('}');
        to_.text(object);
    } else if (block.arguments_escaped) {
        to_.content(block.arguments.empty() ? "{}" : block.arguments);
    } else {
        to_.text(block.arguments.empty() ? "{}" : block.arguments);
    }
    to_.close('}').close('}');
}

void RequestWriter::assistant(const Turn& turn) {
    std::vector<Block> words;
    std::string thoughts;
    bool calls = false;
    bool sealed = false;
    for (const auto& block : turn.blocks) {
        if (is_words(block)) words.push_back(block);
        if (block.kind == Kind::thinking) thoughts += block.content;
        sealed = sealed || block.kind == Kind::sealed;
        calls = calls || block.kind == Kind::call;
    }
    const bool said = !words.empty() || calls;
    const bool told = said && !thoughts.empty() && !manner_.thinking.empty();
    if (sealed || (!thoughts.empty() && !told)) talk_.drop("thinking");
    if (!said) return;
    to_.open('{').key("role").text("assistant").key("content");
    if (words.empty()) {
        to_.null();
    } else {
        content(words);
    }
    if (told) to_.key(manner_.thinking).content(thoughts);
    if (calls) {
        to_.key("tool_calls").open('[');
        for (const auto& block : turn.blocks) {
            if (block.kind == Kind::call) call(block);
        }
        to_.close(']');
    }
    to_.close('}');
}

void RequestWriter::messages() {
    to_.key("messages").open('[');
    system();
    for (const auto& turn : talk_.turns) {
        if (turn.role == Role::system) {
            say("system", turn.blocks);
        } else if (turn.role == Role::assistant) {
            assistant(turn);
        } else {
            user(turn);
        }
    }
    to_.close(']');
}

void RequestWriter::tools() {
    if (talk_.tools.empty()) return;
    to_.key("tools").open('[');
    for (const auto& tool : talk_.tools) {
        to_.open('{').key("type").text("function").key("function").open('{');
        to_.key("name").text(names_.sent(tool.name));
        if (!tool.description.empty()) to_.key("description").content(tool.description);
        to_.key("parameters");
        if (tool.custom) {
            to_.raw(R"({"type":"object","properties":{"input":{"type":"string"}},)"
                    R"("required":["input"],"additionalProperties":false})");
        } else if (tool.schema.is_object()) {
            const bool typed = tool.schema.at("properties").is_object();
            to_.raw(typed ? std::string(tool.schema.raw()) : object_schema(tool.schema));
        } else {
            to_.raw(object_schema({}));
        }
        if (tool.strict) to_.key("strict").boolean(true);
        to_.close('}').close('}');
    }
    to_.close(']');
}

void RequestWriter::choice() {
    using ChoiceKind = Choice::Kind;
    if (talk_.tools.empty()) return;  // both members are refused then
    const auto& choice = talk_.choice;
    switch (choice.kind) {
        case ChoiceKind::automatic:
            to_.key("tool_choice").text("auto");
            break;
        case ChoiceKind::required:
            to_.key("tool_choice").text("required");
            break;
        case ChoiceKind::none:
            to_.key("tool_choice").text("none");
            break;
        case ChoiceKind::named:
            to_.key("tool_choice").open('{').key("type").text("function").key("function");
            to_.open('{').key("name").text(names_.sent(choice.name)).close('}').close('}');
            break;
        case ChoiceKind::unsaid:
            break;
    }
    if (choice.parallel) to_.key("parallel_tool_calls").boolean(*choice.parallel);
}

void RequestWriter::limits() {
    if (talk_.max_tokens.is_number()) {
        auto most = talk_.max_tokens.count();
        if (manner_.max_output != 0) most = std::min(most, manner_.max_output);
        to_.key(manner_.completion_tokens ? "max_completion_tokens" : "max_tokens").number(most);
    }
    if (talk_.stop.empty()) return;
    to_.key("stop").open('[');
    for (std::size_t i = 0; i < talk_.stop.size() && i < kMostStops; ++i) {
        to_.content(talk_.stop[i]);
    }
    if (talk_.stop.size() > kMostStops) talk_.drop("stop_sequences");
    to_.close(']');
}

void RequestWriter::sampling() {
    for (const auto& [name, value] :
         {std::pair<std::string_view, Value>{"temperature", talk_.temperature},
          {"top_p", talk_.top_p},
          {"seed", talk_.seed},
          {"presence_penalty", talk_.presence_penalty},
          {"frequency_penalty", talk_.frequency_penalty}}) {
        if (value.is_number()) to_.key(name).raw(value.raw());
    }
    if (talk_.top_k.present()) talk_.drop("top_k");
    if (talk_.user.is_string()) to_.key("user").text(short_user(talk_.user.text()));
    if (talk_.cache_key.is_string()) talk_.drop("prompt_cache_key");
}

void RequestWriter::format() {
    const auto& format = talk_.format;
    if (format.kind == Format::Kind::text) return;
    to_.key("response_format").open('{').key("type");
    if (format.kind == Format::Kind::object) {
        to_.text("json_object").close('}');
        return;
    }
    to_.text("json_schema").key("json_schema").open('{');
    to_.key("name").text(format.name.empty() ? "output" : format.name);
    to_.key("schema").raw(format.schema.raw());
    to_.key("strict").boolean(format.strict).close('}').close('}');
}

void RequestWriter::effort() {
    if (talk_.effort.said()) to_.key("reasoning_effort").text(talk_.effort.word);
}

std::optional<Problem> RequestWriter::run() {
    if (auto problem = fit_to_openai(talk_, manner_.model)) return problem;
    if (talk_.marks_cache()) talk_.drop("cache_control");
    mend_turns(talk_);
    if (talk_.turns.empty()) return unsupported("there is nothing in the messages");
    to_.open('{').key("model").text(manner_.model);
    messages();
    tools();
    choice();
    limits();
    sampling();
    format();
    effort();
    if (talk_.stream) {
        to_.key("stream").boolean(true);
        if (manner_.ask_usage) to_.key("stream_options").raw(R"({"include_usage":true})");
    }
    to_.close('}');
    return problem_;
}

}  // namespace

std::optional<Problem> write_request(Talk& talk, const Manner& manner, ToolNames& names,
                                     std::string& body) {
    return RequestWriter(talk, manner, names, body).run();
}

}  // namespace understudy::dialects::chat
