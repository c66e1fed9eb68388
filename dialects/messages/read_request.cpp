#include "dialects/messages/messages.hpp"
#include "dialects/messages/request_kinds.hpp"

#include <algorithm>
#include <span>

namespace understudy::dialects::messages {
namespace {

class Reader {
  public:
    Reader(Value body, Talk& talk) : body_(body), talk_(talk) {}
    std::optional<Problem> run();

  private:
    void member(std::string_view key, Value value);
    bool limits(std::string_view key, Value value);
    void message(Value one, std::size_t index);
    /// Where blocks stand: what may be in them is less with every step inside.
    enum class Place : std::uint8_t { system, user, assistant, result, inner };
    void content(Value value, const std::string& where, Place place, std::vector<Block>& blocks);
    void block(Value value, const std::string& where, Place place, std::vector<Block>& blocks);
    void text(Value value, const std::string& where, std::vector<Block>& blocks);
    void call(Value value, const std::string& where, std::vector<Block>& blocks);
    static bool fits(std::string_view type, Place place);
    void misplaced(const std::string& type, const std::string& where);
    void note(std::string text, std::vector<Block>& blocks);
    void search_result(Value value, const std::string& where, std::vector<Block>& blocks);
    void thought(Value value, bool sealed, const std::string& where, std::vector<Block>& blocks);
    bool special(const std::string& type, Value value, const std::string& where,
                 std::vector<Block>& blocks);
    void source(Value value, const std::string& where, Block& block);
    template <class Members>  // a Value or an Object
    bool right(const Members& object, std::span<const Expected> table, std::string_view where) {
        if (auto problem = check_kinds(object, table, where)) refuse(std::move(*problem));
        return !problem_;
    }
    void media(Value value, Media::Kind kind, const std::string& where, std::vector<Block>& blocks);
    void result(Value value, const std::string& where, std::vector<Block>& blocks);
    void tool(Value value);
    void choice(Value value);
    void thinking(Value value);
    void output(Value value);
    void format(Value value, std::string_view where);
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
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
    if (auto problem = check_choice(talk_)) refuse(std::move(*problem));
    return problem_;
}

bool Reader::limits(std::string_view key, Value value) {
    if (key == "max_tokens" && value.is_number() && value.number() == 0) {
        refuse(unsupported("max_tokens: 0 asks for no answer, and no other API takes that"));
    } else if (key == "max_tokens") {
        if (auto problem = check_limit(key, value)) refuse(std::move(*problem));
        talk_.max_tokens = value;
    } else if (key == "temperature") {
        talk_.temperature = value;
    } else if (key == "top_p") {
        talk_.top_p = value;
    } else if (key == "top_k") {
        talk_.top_k = value;
    } else if (key == "stop_sequences") {
        value.elements([&](Value one) {
            if (!one.is_string()) return refuse(bad("stop_sequences: one of them is no text"));
            talk_.stop.push_back(one.content());
        });
    } else {
        return false;
    }
    return true;
}

void Reader::member(std::string_view key, Value value) {
    if (value.nothing() || key == "model" || limits(key, value)) return;
    if (key == "messages") {
        std::size_t index = 0;
        value.elements([&](Value one) { message(one, index++); });
        if (value.is_array() && index == 0) refuse(bad("messages is empty"));
    } else if (key == "system") {
        content(value, "system", Place::system, talk_.system);
    } else if (key == "stream") {
        talk_.stream = value.is_true();
    } else if (key == "tools") {
        value.elements([&](Value one) { tool(one); });
    } else if (key == "tool_choice") {
        choice(value);
    } else if (key == "thinking") {
        thinking(value);
    } else if (key == "output_config") {
        output(value);
    } else if (key == "output_format") {  // as the beta of it had it; the other one wins
        if (!body_.at("output_config").at("format").is_object()) format(value, key);
    } else if (key == "metadata") {
        if (right(value, kMetadata, key)) talk_.user = value.at("user_id");
    } else if (key == "mcp_servers" && value.is_array() && value.empty()) {
        return;
    } else if (key == "container" || key == "mcp_servers") {
        refuse(unsupported(std::string(key) + " is known to its own provider only"));
    } else {
        talk_.drop(key);
    }
}

void Reader::message(Value one, std::size_t index) {
    const std::string where = "messages[" + std::to_string(index) + "]";
    const auto role = one.at("role");
    Turn turn;
    if (role.is("assistant")) {
        turn.role = Role::assistant;
    } else if (role.is("system")) {
        turn.role = Role::system;
    } else if (!role.is("user")) {
        refuse(bad(where + ".role is none of user, assistant and system"));
        return;
    }
    const auto place = turn.role == Role::assistant ? Place::assistant
                       : turn.role == Role::system  ? Place::system
                                                    : Place::user;
    content(one.at("content"), where, place, turn.blocks);
    talk_.turns.push_back(std::move(turn));
}

void Reader::content(Value value, const std::string& where, Place place,
                     std::vector<Block>& blocks) {
    if (value.is_string()) {
        Block text;
        text.content = value.content();
        blocks.push_back(std::move(text));
    } else if (value.is_array()) {
        value.elements([&](Value one) { block(one, where, place, blocks); });
    } else if (!value.nothing()) {
        refuse(bad(where + ".content is neither text nor a list of blocks"));
    }
}

void Reader::source(Value value, const std::string& where, Block& block) {
    const auto source = value.at("source");
    const auto type = source.at("type");
    if (!type.is_string()) return refuse(bad(where + ": a source is missing, or has no type"));
    if (!right(source, kSource, where + ".source")) return;
    const auto [media_type, data, url, file] =
        source.pick({"media_type", "data", "url", "file_id"});
    auto& media = block.media;
    media.type = media_type.text();
    Value said = data;
    if (type.is("url")) {
        media.source = Media::Source::url;
        said = url;
        media.url = url.content();
    } else if (type.is("text")) {
        media.source = Media::Source::text;
    } else if (type.is("file")) {
        media.source = Media::Source::file;
        said = file;
    } else if (!type.is("base64")) {
        return refuse(unsupported(where + ": a source of type " + type.text() +
                                  " is known to its own provider only"));
    }
    if (said.nothing()) return refuse(bad(where + ": a source says not what it holds"));
    if (media.source != Media::Source::url) media.data = said.content();
}

// Words on what follows that have no place of their own in another API.
void Reader::note(std::string text, std::vector<Block>& blocks) {
    blocks.emplace_back().content = talk_.keep(std::move(text));
}

void Reader::media(Value value, Media::Kind kind, const std::string& where,
                   std::vector<Block>& blocks) {
    const auto [origin, title, context, cache, citations] =
        value.pick({"source", "title", "context", "cache_control", "citations"});
    if (citations.at("enabled").is_true()) talk_.drop("messages[].content[].citations");
    const bool parts = origin.at("type").is("content");
    if (parts && !title.content().empty()) note(std::string(title.content()), blocks);
    if (kind == Media::Kind::document && !context.content().empty()) {
        note("(Of the document that follows: " + std::string(context.content()) + ")", blocks);
    }
    if (parts) return content(origin.at("content"), where, Place::inner, blocks);
    Block block(Block::Kind::media);
    block.media.kind = kind;
    block.media.title = title.content();
    block.cache = cache;
    source(value, where, block);
    blocks.push_back(std::move(block));
}

void Reader::search_result(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto [title, source, inside, citations] =
        value.pick({"title", "source", "content", "citations"});
    if (!source.nothing() && !source.is_string()) {
        return refuse(bad(where + ": the source of a search_result is no text"));
    }
    if (citations.at("enabled").is_true()) talk_.drop("messages[].content[].citations");
    std::string text(title.content());
    if (!text.empty() && !source.content().empty()) text += "\\n";
    text += source.content();
    if (!text.empty()) note(std::move(text), blocks);
    content(inside, where, Place::inner, blocks);
}

void Reader::result(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto [id, is_error, cache, inside] =
        value.pick({"tool_use_id", "is_error", "cache_control", "content"});
    if (id.content().empty()) return refuse(bad(where + ": a tool_result has no tool_use_id"));
    Block block(Block::Kind::result);
    block.id = id.text();
    block.is_error = is_error.is_true();
    block.cache = cache;
    content(inside, where, Place::result, block.inner);
    blocks.push_back(std::move(block));
}

void Reader::thought(Value value, bool sealed, const std::string& where,
                     std::vector<Block>& blocks) {
    const auto said = value.at(sealed ? "data" : "thinking");
    if (!said.is_string()) return refuse(bad(where + ": a block of thoughts has no text"));
    auto& block = blocks.emplace_back(sealed ? Block::Kind::sealed : Block::Kind::thinking);
    block.content = said.content();
    block.seal = value.at("signature").content();
    block.sealed_by = SealKind::claude;
}

// What only some other provider knows to read.
bool Reader::special(const std::string& type, Value value, const std::string& where,
                     std::vector<Block>& blocks) {
    if (type == "thinking" || type == "redacted_thinking") {
        thought(value, type == "redacted_thinking", where, blocks);
        return true;
    }
    if (type == "search_result") {
        search_result(value, where, blocks);
        return true;
    }
    // Of tools that the provider ran itself the words around them tell what came of it.
    if (type == "server_tool_use" || type == "mcp_tool_use" || type.ends_with("_tool_result")) {
        talk_.drop("messages[].content[]." + type);
        return true;
    }
    return false;
}

// A result holds words, pictures and documents, a document words and pictures, and so on: nothing
// is nested deeper than that, and what stands elsewhere would be lost on the way.
bool Reader::fits(std::string_view type, Place place) {
    const bool words = type == "text" || type == "image";
    const bool call = type == "tool_use";
    const bool thought = type == "thinking" || type == "redacted_thinking";
    switch (place) {
        case Place::inner:
            return words;
        case Place::system:
            return type == "text";
        case Place::result:
            return words || type == "document" || type == "search_result";
        case Place::user:
            return !call && !thought;
        case Place::assistant:
            return type != "tool_result";
    }
    return false;
}

void Reader::misplaced(const std::string& type, const std::string& where) {
    const bool known = std::find(kBlockTypes.begin(), kBlockTypes.end(), type) != kBlockTypes.end();
    const auto what = where + ": a block of type " + type;
    refuse(known ? bad(what + " does not belong there")
                 : unsupported(what + " is known to its own provider only"));
}

void Reader::text(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto [words, cache, citations] = value.pick({"text", "cache_control", "citations"});
    if (!words.is_string()) return refuse(bad(where + ": the text of a block is no text"));
    if (!citations.nothing() && !citations.empty()) {
        talk_.drop("messages[].content[].citations");
    }
    auto& text = blocks.emplace_back();
    text.content = words.content();
    text.cache = cache;
}

void Reader::call(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto [id, name, input, cache] = value.pick({"id", "name", "input", "cache_control"});
    if (!id.is_string() || name.content().empty()) {
        return refuse(bad(where + ": a tool_use has no id or no name"));
    }
    if (!input.nothing() && !input.is_object()) {
        return refuse(bad(where + ": the input of a tool_use is no object"));
    }
    auto& call = blocks.emplace_back(Block::Kind::call);
    call.id = id.text();
    call.name = name.text();
    call.arguments = input.is_object() ? input.raw() : std::string_view("{}");
    call.cache = cache;
}

void Reader::block(Value value, const std::string& where, Place place, std::vector<Block>& blocks) {
    const auto kind = value.at("type");
    if (!kind.is_string()) return refuse(bad(where + ": a block of the content has no type"));
    const auto type = kind.text();
    if (!fits(type, place)) return misplaced(type, where);
    if (!right(value, kBlock, where + ": " + type)) return;
    if (type == "text") {
        text(value, where, blocks);
    } else if (type == "image") {
        media(value, Media::Kind::image, where, blocks);
    } else if (type == "document") {
        media(value, Media::Kind::document, where, blocks);
    } else if (type == "tool_use") {
        call(value, where, blocks);
    } else if (type == "tool_result") {
        result(value, where, blocks);
    } else if (!special(type, value, where, blocks)) {
        misplaced(type, where);
    }
}

void Reader::tool(Value value) {
    if (!right(value, kTool, "a tool")) return;
    const auto type = value.at("type");
    if (!type.nothing() && !type.is("custom")) {
        refuse(unsupported("the tool " + type.text() + " is run by its own provider"));
        return;
    }
    Tool tool;
    tool.name = value.at("name").text();
    tool.description = value.at("description").content();
    tool.schema = value.at("input_schema");
    tool.strict = value.at("strict").is_true();
    tool.cache = value.at("cache_control");
    if (tool.name.empty()) {
        refuse(bad("a tool has no name"));
        return;
    }
    value.members([this](std::string_view key, Value) {
        const bool known = std::any_of(kTool.begin(), kTool.end(),
                                       [&](const Expected& one) { return one.member == key; });
        if (!known) talk_.drop("tools[]." + std::string(key));
    });
    talk_.tools.push_back(std::move(tool));
}

void Reader::choice(Value value) {
    using Kind = Choice::Kind;
    if (!right(value, kChoice, "tool_choice")) return;
    const auto [type, name, one_by_one] = value.pick({"type", "name", "disable_parallel_tool_use"});
    auto& choice = talk_.choice;
    if (type.is("any")) {
        choice.kind = Kind::required;
    } else if (type.is("tool")) {
        choice.kind = Kind::named;
        choice.name = name.text();
        if (choice.name.empty()) refuse(bad("tool_choice.name is missing"));
    } else if (type.is("none")) {
        choice.kind = Kind::none;
    } else if (type.is("auto")) {
        choice.kind = Kind::automatic;
    } else if (type.is_string()) {
        refuse(unsupported("tool_choice of type " + type.text() +
                           " is known to its own provider only"));
    } else {
        refuse(bad("tool_choice.type is none of auto, any, tool and none"));
    }
    if (one_by_one.is_true()) choice.parallel = false;
}

void Reader::thinking(Value value) {
    if (!right(value, kThinking, "thinking")) return;
    auto& effort = talk_.effort;
    if (value.at("type").is("disabled")) {
        effort.word = "none";
        return;
    }
    effort.show = !value.at("display").is("omitted");
    if (const auto budget = value.at("budget_tokens"); !budget.nothing()) {
        if (auto problem = check_limit("thinking.budget_tokens", budget)) {
            refuse(std::move(*problem));
        }
        effort.budget = budget.count();
    } else if (effort.word.empty()) {
        effort.word = "medium";  // adaptive; output_config may say it better
    }
}

void Reader::output(Value value) {
    if (!right(value, kOutput, "output_config")) return;
    if (const auto effort = value.at("effort"); effort.is_string()) {
        if (talk_.effort.word != "none") talk_.effort.word = effort.text();
    }
    if (const auto said = value.at("format"); said.is_object())
        format(said, "output_config.format");
}

void Reader::format(Value value, std::string_view where) {
    if (const auto type = value.at("type"); type.is_string() && !type.is("json_schema")) {
        return refuse(unsupported(std::string(where) + " of type " + type.text() +
                                  " is known to its own provider only"));
    }
    talk_.format.kind = Format::Kind::schema;
    talk_.format.schema = value.at("schema");
    talk_.format.strict = true;
    if (!talk_.format.schema.is_object()) {
        refuse(bad(std::string(where) + ".schema is missing"));
    }
}

}  // namespace

std::optional<Problem> read_request(Value body, Talk& talk) {
    return Reader(body, talk).run();
}

}  // namespace understudy::dialects::messages
