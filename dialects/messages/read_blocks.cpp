#include "dialects/messages/read_blocks.hpp"

#include "dialects/claude_forms.hpp"
#include "dialects/media_forms.hpp"
#include "dialects/messages/request_kinds.hpp"

#include <algorithm>
#include <span>

namespace understudy::dialects::messages {
namespace {

using Place = BlockPlace;

class Reader {
  public:
    explicit Reader(Talk& talk) : talk_(talk) {}
    void content(Value value, const std::string& where, Place place, std::vector<Block>& blocks);
    std::optional<Problem>& problem() { return problem_; }

  private:
    void block(Value value, const std::string& where, Place place, std::vector<Block>& blocks);
    void text(Value value, const std::string& where, std::vector<Block>& blocks);
    static bool fits(std::string_view type, Place place);
    void misplaced(const std::string& type, const std::string& where);
    void note(std::string text, std::vector<Block>& blocks);
    void search_result(Value value, const std::string& where, std::vector<Block>& blocks);
    void reference(Value value, const std::string& where, std::vector<Block>& blocks);
    void compaction(Value value, std::vector<Block>& blocks);
    void thought(Value value, bool sealed, const std::string& where, std::vector<Block>& blocks);
    bool special(const std::string& type, Value value, const std::string& where,
                 std::vector<Block>& blocks);
    bool right(Value object, std::span<const Expected> table, std::string_view where) {
        if (auto problem = check_kinds(object, table, where)) refuse(std::move(*problem));
        return !problem_;
    }
    void media(Value value, Media::Kind kind, const std::string& where, std::vector<Block>& blocks);
    void result(Value value, const std::string& where, std::vector<Block>& blocks);
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    Talk& talk_;
    std::optional<Problem> problem_;
};

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
    if (auto problem = read_source(origin, where, block.media)) return refuse(std::move(*problem));
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

// A tool that a search by the client has found. All are declared already where they are called.
void Reader::reference(Value value, const std::string& where, std::vector<Block>& blocks) {
    const auto name = value.at("tool_name");
    if (name.content().empty()) return refuse(bad(where + ": a tool_reference has no tool_name"));
    note("(The tool " + std::string(name.content()) + " can be called now.)", blocks);
}

// What was said before it, made short by the provider: in words, or sealed.
void Reader::compaction(Value value, std::vector<Block>& blocks) {
    const auto words = value.at("content");
    if (words.is_string() && !words.empty()) {
        auto& block = blocks.emplace_back();
        block.content = words.content();
        block.cache = value.at("cache_control");
    } else {
        talk_.drop("messages[].content[].compaction");
    }
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
    if (type == "tool_reference") {
        reference(value, where, blocks);
        return true;
    }
    if (type == "compaction") {
        compaction(value, blocks);
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
            return words || type == "document" || type == "search_result" ||
                   type == "tool_reference";
        case Place::user:
            return !call && !thought && type != "tool_reference";
        case Place::assistant:
            return type != "tool_result" && type != "tool_reference";
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
        if (auto problem = read_tool_use(value, where, blocks)) refuse(std::move(*problem));
    } else if (type == "tool_result") {
        result(value, where, blocks);
    } else if (!special(type, value, where, blocks)) {
        misplaced(type, where);
    }
}

}  // namespace

std::optional<Problem> read_blocks(Value content, const std::string& where, BlockPlace place,
                                   Talk& talk, std::vector<Block>& blocks) {
    Reader reader(talk);
    reader.content(content, where, place, blocks);
    return std::move(reader.problem());
}

}  // namespace understudy::dialects::messages
