#include "dialects/responses/request_writer.hpp"

#include "dialects/data_url.hpp"
#include "dialects/openai_gates.hpp"
#include "dialects/schema.hpp"
#include "dialects/text_documents.hpp"
#include "dialects/turns.hpp"

#include <algorithm>
#include <utility>

namespace understudy::dialects::responses {
namespace {

using Kind = Block::Kind;
using Source = Media::Source;

// Fewer are refused.
constexpr std::uint64_t kLeastOutput = 16;

bool is_words(const Block& block) {
    return block.kind == Kind::text || block.kind == Kind::media;
}

class RequestWriter {
  public:
    RequestWriter(Talk& talk, const Manner& manner, ToolNames& names, std::string& body)
        : talk_(talk), manner_(manner), names_(names), to_(body) {}

    std::optional<Problem> run();

  private:
    std::optional<Problem> check() const;
    void leave_out();
    void instructions();
    void input();
    void turn(const Turn& turn);
    void assistant(const Turn& turn);
    void said(std::string_view words);
    void thought(const Block& block);
    void say(std::string_view role, const std::vector<Block>& blocks);
    void part(const Block& block);
    void media(const Media& media);
    void call(const Block& block);
    void result(const Block& block);
    void tools();
    void choice();
    void limits();
    void format();
    void effort();
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    Talk& talk_;
    const Manner& manner_;
    ToolNames& names_;
    Writer to_;
    std::optional<Problem> problem_;
};

std::optional<Problem> RequestWriter::check() const {
    if (talk_.answers > 1) return unsupported("n: it gives one answer at a time");
    if (talk_.logprobs) return unsupported("logprobs: they are not read from it");
    if (!talk_.stop.empty()) return unsupported("stop: it knows no stop sequences");
    const bool odd = std::any_of(talk_.system.begin(), talk_.system.end(),
                                 [](const Block& block) { return block.kind != Kind::text; });
    if (odd) return unsupported("its instructions are text alone");
    return std::nullopt;
}

// This model's own thoughts: with their seal they need no id there.
bool is_own_thought(const Block& block) {
    const bool thought = block.kind == Kind::thinking || block.kind == Kind::sealed;
    const auto seal = block.kind == Kind::thinking ? block.seal : block.content;
    return thought && block.sealed_by == SealKind::openai && !seal.empty();
}

// Thoughts of others are none of this model's, and hints that it has no member for do no harm.
void RequestWriter::leave_out() {
    const bool cache = talk_.marks_cache();  // also on what is left out
    for (auto& turn : talk_.turns) {
        const bool assistant = turn.role == Role::assistant;
        std::erase_if(turn.blocks, [&](const Block& block) {
            const bool thought = (block.kind == Kind::thinking || block.kind == Kind::sealed) &&
                                 !is_own_thought(block);
            const bool hosted = block.server_side || (assistant && block.kind == Kind::result);
            if (thought) talk_.drop("reasoning");
            if (hosted) talk_.drop("hosted tool calls");
            return thought || hosted;
        });
    }
    if (cache) talk_.drop("cache_control");
    for (const auto& [name, value] : {std::pair<std::string_view, Value>{"top_k", talk_.top_k},
                                      {"seed", talk_.seed},
                                      {"presence_penalty", talk_.presence_penalty},
                                      {"frequency_penalty", talk_.frequency_penalty}}) {
        if (value.present()) talk_.drop(name);
    }
}

void RequestWriter::instructions() {
    std::erase_if(talk_.system, [](const Block& block) { return is_blank(block.content); });
    if (talk_.system.empty()) return;
    to_.key("instructions").content(join_text(talk_.system, "\\n\\n"));
}

void RequestWriter::media(const Media& media) {
    if (media.kind == Media::Kind::audio) return refuse(unsupported("audio cannot be sent to it"));
    if (media.source == Source::file) {
        return refuse(unsupported("a file is known by its id to its own provider only"));
    }
    if (media.source == Source::text) {
        to_.open('{').key("type").text("input_text").key("text").content(words_of(media));
        to_.close('}');
        return;
    }
    const auto sniffed = sniffed_type(media.data);
    const auto type = sniffed.empty() ? media.type : std::string(sniffed);
    const auto data = "data:" + escaped(type) + ";base64," + std::string(media.data);
    const bool url = media.source == Source::url;
    if (media.kind == Media::Kind::image) {
        to_.open('{').key("type").text("input_image").key("image_url");
        to_.content(url ? std::string(media.url) : data).key("detail").text("auto").close('}');
        return;
    }
    to_.open('{').key("type").text("input_file");
    if (url) {
        to_.key("file_url").content(media.url).close('}');
        return;
    }
    to_.key("filename").content(file_name(media));
    to_.key("file_data").content(data).close('}');
}

void RequestWriter::part(const Block& block) {
    if (block.kind == Kind::media) return media(block.media);
    to_.open('{').key("type").text("input_text").key("text").content(block.content).close('}');
}

void RequestWriter::say(std::string_view role, const std::vector<Block>& blocks) {
    if (std::none_of(blocks.begin(), blocks.end(), is_words)) return;
    to_.open('{').key("type").text("message").key("role").text(role).key("content").open('[');
    for (const auto& block : blocks) {
        if (is_words(block)) part(block);
    }
    to_.close(']').close('}');
}

void RequestWriter::call(const Block& block) {
    to_.open('{').key("type").text("function_call");
    to_.key("call_id").text(legal_id(block.id, kOpenAiId));
    to_.key("name").text(names_.sent(block.name)).key("arguments");
    if (block.custom) {
        std::string object;
        Writer(object).open('{').key("input").content(block.arguments).close('}');
        to_.text(object);
    } else if (block.arguments_escaped) {
        to_.content(block.arguments.empty() ? "{}" : block.arguments);
    } else {
        to_.text(block.arguments.empty() ? "{}" : block.arguments);
    }
    to_.close('}');
}

// Words alone are text; there is no member that says that it failed.
void RequestWriter::result(const Block& block) {
    to_.open('{').key("type").text("function_call_output");
    to_.key("call_id").text(legal_id(block.id, kOpenAiId)).key("output");
    const bool media = std::any_of(block.inner.begin(), block.inner.end(),
                                   [](const Block& one) { return one.kind == Kind::media; });
    if (!media) {
        const auto said = join_text(block.inner, "\\n");
        to_.content(block.is_error ? "Error: " + said : said).close('}');
        return;
    }
    to_.open('[');
    if (block.is_error) {
        to_.open('{').key("type").text("input_text").key("text").text("Error:").close('}');
    }
    for (const auto& one : block.inner) {
        if (one.kind == Kind::media || !one.content.empty()) part(one);
    }
    to_.close(']').close('}');
}

void RequestWriter::said(std::string_view words) {
    if (words.empty()) return;
    to_.open('{').key("type").text("message").key("role").text("assistant").key("content");
    to_.open('[').open('{').key("type").text("output_text").key("text").content(words);
    to_.key("annotations").raw("[]").close('}').close(']').close('}');
}

void RequestWriter::thought(const Block& block) {
    const bool shown = block.kind == Kind::thinking;
    to_.open('{').key("type").text("reasoning").key("summary").open('[');
    if (shown && !block.content.empty()) {
        to_.open('{')
            .key("type")
            .text("summary_text")
            .key("text")
            .content(block.content)
            .close('}');
    }
    to_.close(']').key("encrypted_content").content(shown ? block.seal : block.content).close('}');
}

// A thought stands in front of what it has led to.
void RequestWriter::assistant(const Turn& turn) {
    const bool thinks = std::any_of(turn.blocks.begin(), turn.blocks.end(), is_own_thought);
    if (!thinks) said(join_text(turn.blocks, "\\n\\n"));
    for (const auto& block : turn.blocks) {
        if (is_own_thought(block)) thought(block);
        if (thinks && block.kind == Kind::text) said(block.content);
        if (block.kind == Kind::call) call(block);
        if (block.kind == Kind::media) {
            refuse(unsupported("media in a message of the assistant's cannot be sent to it"));
        }
    }
}

void RequestWriter::turn(const Turn& turn) {
    if (turn.role == Role::assistant) return assistant(turn);
    for (const auto& block : turn.blocks) {
        if (block.kind == Kind::result) result(block);
    }
    say(turn.role == Role::system ? "system" : "user", turn.blocks);
}

void RequestWriter::input() {
    to_.key("input").open('[');
    for (const auto& one : talk_.turns) turn(one);
    to_.close(']');
}

void RequestWriter::tools() {
    if (talk_.tools.empty()) return;
    to_.key("tools").open('[');
    for (const auto& tool : talk_.tools) {
        to_.open('{').key("type").text("function").key("name").text(names_.sent(tool.name));
        if (!tool.description.empty()) to_.key("description").content(tool.description);
        to_.key("parameters");
        if (tool.custom) {
            to_.raw(R"({"type":"object","properties":{"input":{"type":"string"}},)"
                    R"("required":["input"],"additionalProperties":false})");
        } else {
            to_.raw(object_schema(tool.schema));
        }
        // Left out, it is true there.
        to_.key("strict").boolean(tool.strict).close('}');
    }
    to_.close(']');
    choice();
}

void RequestWriter::choice() {
    const auto& choice = talk_.choice;
    switch (choice.kind) {
        case Choice::Kind::automatic:
            to_.key("tool_choice").text("auto");
            break;
        case Choice::Kind::required:
            to_.key("tool_choice").text("required");
            break;
        case Choice::Kind::none:
            to_.key("tool_choice").text("none");
            break;
        case Choice::Kind::named:
            to_.key("tool_choice").open('{').key("type").text("function");
            to_.key("name").text(names_.sent(choice.name)).close('}');
            break;
        case Choice::Kind::unsaid:
            break;
    }
    if (choice.parallel) to_.key("parallel_tool_calls").boolean(*choice.parallel);
}

void RequestWriter::limits() {
    if (talk_.max_tokens.is_number()) {
        auto most = talk_.max_tokens.count();
        if (manner_.max_output != 0) most = std::min(most, manner_.max_output);
        to_.key("max_output_tokens").number(std::max(most, kLeastOutput));
    }
    for (const auto& [name, value] :
         {std::pair<std::string_view, Value>{"temperature", talk_.temperature},
          {"top_p", talk_.top_p}}) {
        if (value.is_number()) to_.key(name).raw(value.raw());
    }
    if (talk_.user.is_string()) to_.key("user").text(short_user(talk_.user.text()));
    if (talk_.cache_key.is_string()) to_.key("prompt_cache_key").raw(talk_.cache_key.raw());
}

void RequestWriter::format() {
    const auto& format = talk_.format;
    if (format.kind == Format::Kind::text) return;
    to_.key("text").open('{').key("format").open('{').key("type");
    if (format.kind == Format::Kind::object) {
        to_.text("json_object").close('}').close('}');
        return;
    }
    to_.text("json_schema").key("name").text(format.name.empty() ? "output" : format.name);
    to_.key("schema").raw(format.schema.raw());
    to_.key("strict").boolean(format.strict).close('}').close('}');
}

void RequestWriter::effort() {
    const auto& effort = talk_.effort;
    if (!effort.said() && !effort.show) return;
    to_.key("reasoning").open('{');
    if (effort.said()) to_.key("effort").text(effort.word);
    if (effort.show) to_.key("summary").text("auto");
    to_.close('}');
}

std::optional<Problem> RequestWriter::run() {
    if (auto problem = check()) return problem;
    if (auto problem = fit_to_openai(talk_, manner_.model)) return problem;
    leave_out();
    mend_turns(talk_);
    tell_calls_apart(talk_);
    if (talk_.turns.empty()) return unsupported("there is nothing in the messages");
    to_.open('{').key("model").text(manner_.model);
    instructions();
    input();
    tools();
    limits();
    format();
    effort();
    // Who wants to see thoughts sends them back: their seals come only when they are asked for.
    if (talk_.effort.show && talk_.effort.word != "none") {
        to_.key("include").raw(R"(["reasoning.encrypted_content"])");
    }
    to_.key("store").boolean(false);
    if (talk_.stream) to_.key("stream").boolean(true);
    to_.close('}');
    return problem_;
}

}  // namespace

std::optional<Problem> write_request(Talk& talk, const Manner& manner, ToolNames& names,
                                     std::string& body) {
    return RequestWriter(talk, manner, names, body).run();
}

}  // namespace understudy::dialects::responses
