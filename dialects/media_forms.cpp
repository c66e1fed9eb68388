#include "dialects/media_forms.hpp"

#include "dialects/data_url.hpp"
#include "dialects/expected.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::dialects {
namespace {

using Kind = Media::Kind;
using Source = Media::Source;

// Of parts of any type, and of the objects in them.
constexpr std::array kPart{
    Expected{"file", JsonKind::object},      Expected{"input_audio", JsonKind::object},
    Expected{"audio_url", JsonKind::object}, Expected{"cache_control", JsonKind::object},
    Expected{"title", JsonKind::string},     Expected{"context", JsonKind::string},
};
constexpr std::array kImage{
    Expected{"url", JsonKind::string},
    Expected{"detail", JsonKind::string},
    Expected{"format", JsonKind::string},
};
constexpr std::array kFile{
    Expected{"file_id", JsonKind::string},  Expected{"file_data", JsonKind::string},
    Expected{"file_url", JsonKind::string}, Expected{"filename", JsonKind::string},
    Expected{"format", JsonKind::string},
};
constexpr std::array kAudio{
    Expected{"data", JsonKind::string},
    Expected{"format", JsonKind::string},
    Expected{"url", JsonKind::string},
};
constexpr std::array kSource{
    Expected{"media_type", JsonKind::string},
    Expected{"data", JsonKind::string},
    Expected{"url", JsonKind::string},
    Expected{"file_id", JsonKind::string},
};

constexpr std::array<std::string_view, 9> kTypes{"image_url",  "input_image",  "image",
                                                 "document",   "document_url", "file",
                                                 "input_file", "input_audio",  "audio_url"};

class Reader {
  public:
    Reader(Value part, const std::string& where, std::string_view list, Talk& talk,
           std::vector<Block>& blocks)
        : part_(part), where_(where), list_(list), talk_(talk), blocks_(blocks) {}

    std::optional<Problem> run() {
        if (auto problem = check_kinds(part_, kPart, where_ + ": a part")) return problem;
        const auto type = part_.at("type");
        if (type.is("image_url") || type.is("input_image")) return image(type);
        if (type.is("image") || type.is("document")) return sourced(type);
        if (type.is("document_url")) return document_url();
        if (type.is("file") || type.is("input_file")) return file(type);
        return type.is("audio_url") ? audio_url() : audio();
    }

  private:
    std::optional<Problem> image(Value type);
    std::optional<Problem> sourced(Value type);
    std::optional<Problem> document_url();
    std::optional<Problem> file(Value type);
    std::optional<Problem> audio();
    std::optional<Problem> audio_url();
    std::optional<Problem> settle_kind(Media& media) const;
    void lose(std::string_view member) {
        talk_.drop(std::string(list_).append(1, '.').append(member));
    }
    void put(Media media) {
        auto& block = blocks_.emplace_back(Block::Kind::media);
        block.media = std::move(media);
        block.cache = part_.at("cache_control");
    }

    Value part_;
    const std::string& where_;
    std::string_view list_;
    Talk& talk_;
    std::vector<Block>& blocks_;
};

// The place is an object or text; the way to look at it stands in it or beside it.
std::optional<Problem> Reader::image(Value type) {
    const auto [said, own_detail, id] = part_.pick({"image_url", "detail", "file_id"});
    if (auto problem = check_kinds(said, kImage, where_ + ": image_url")) return problem;
    const auto [inner, inner_detail, format] = said.pick({"url", "detail", "format"});
    const auto url = said.is_string() ? said : inner;
    Media media;
    if (!url.content().empty()) {
        auto read = media_of_url(url.content(), Kind::image);
        if (!read) return bad(where_ + ": image_url is data, but not in base64");
        media = std::move(*read);
        const auto sniffed = sniffed_type(media.url);
        if (media.source == Source::url && !names_place(media.url) && !sniffed.empty()) {
            media.source = Source::base64;  // with nothing in front, as Ollama's clients have it
            media.data = std::exchange(media.url, {});
            media.type = sniffed;
        }
        if (media.type.empty()) media.type = format.text();
    } else if (!id.content().empty()) {
        media.source = Source::file;
        media.data = id.content();
    } else {
        return bad(where_ + ": an " + type.text() + " has neither image_url nor file_id");
    }
    const auto detail = own_detail.nothing() ? inner_detail : own_detail;
    if (!detail.nothing() && !detail.is("auto")) lose("detail");
    put(std::move(media));
    return std::nullopt;
}

// Anthropic's; where there is no source, servers of open models are told a URL in one of these.
std::optional<Problem> Reader::sourced(Value type) {
    const auto [source, image, url, title, context, citations] =
        part_.pick({"source", "image", "url", "title", "context", "citations"});
    const auto kind = type.is("image") ? Kind::image : Kind::document;
    const auto place = image.is_string() ? image : url;
    Media media;
    if (source.nothing() && !place.content().empty()) {
        auto read = media_of_url(place.content(), kind);
        if (!read) return bad(where_ + ": the URL of an " + type.text() + " is no data in base64");
        media = std::move(*read);
    } else if (auto problem = read_source(source, where_, media)) {
        return problem;
    }
    media.kind = kind;
    media.title = title.content();
    if (citations.at("enabled").is_true()) lose("citations");
    if (!context.content().empty()) {
        blocks_.emplace_back().content =
            talk_.keep("(Of the document that follows: " + std::string(context.content()) + ")");
    }
    put(std::move(media));
    return std::nullopt;
}

// Mistral's.
std::optional<Problem> Reader::document_url() {
    const auto [said, name] = part_.pick({"document_url", "document_name"});
    const auto url = said.is_object() ? said.at("url") : said;
    auto media = media_of_url(url.content(), Kind::document);
    if (!media || url.content().empty()) {
        return bad(where_ + ": a document_url is neither a URL nor data in base64");
    }
    media->title = name.content();
    put(std::move(*media));
    return std::nullopt;
}

// Whoever sends a file may send anything in it.
std::optional<Problem> Reader::settle_kind(Media& media) const {
    const auto& type = media.type;
    media.kind = type.starts_with("image/")   ? Kind::image
                 : type.starts_with("audio/") ? Kind::audio
                                              : Kind::document;
    if (!type.starts_with("video/")) return std::nullopt;
    return unsupported(where_ + ": films are known to their own provider only");
}

// In chat an object in the part, in /responses the part itself. Any of the three names holds
// whatever can be held: LiteLLM and others tell a place by `file_id`.
std::optional<Problem> Reader::file(Value type) {
    const auto inner = part_.at("file");
    const auto file = type.is("file") && inner.is_object() ? inner : part_;
    if (auto problem = check_kinds(file, kFile, where_ + ": file")) return problem;
    const auto [data, url, id, name, format] =
        file.pick({"file_data", "file_url", "file_id", "filename", "format"});
    Media media;
    std::optional<Media> read;
    if (!data.content().empty()) {
        read = media_of_file_data(data.content());
        if (!read) return bad(where_ + ": file_data is not data in base64");
    } else if (!url.content().empty()) {
        read = media_of_url(url.content(), Kind::document);
        if (!read) return bad(where_ + ": file_url is data, but not in base64");
    } else if (names_place(id.content())) {
        read = media_of_url(id.content(), Kind::document);
        if (!read) return bad(where_ + ": file_id is data, but not in base64");
    } else if (!id.content().empty()) {
        media.source = Source::file;
        media.data = id.content();
    } else {
        return bad(where_ + ": an " + type.text() + " has no file_data, file_url or file_id");
    }
    if (read) media = std::move(*read);
    if (media.type.empty()) media.type = format.text();
    media.title = name.content();
    if (auto problem = settle_kind(media)) return problem;
    put(std::move(media));
    return std::nullopt;
}

std::optional<Problem> Reader::audio() {
    const auto said = part_.at("input_audio");
    if (auto problem = check_kinds(said, kAudio, where_ + ": input_audio")) return problem;
    const auto [data, format] = said.pick({"data", "format"});
    if (data.nothing() || format.nothing()) {
        return bad(where_ + ": an input_audio has no data or no format");
    }
    auto media = media_of_url(data.content(), Kind::audio);
    if (!media) return bad(where_ + ": the data of an input_audio is not in base64");
    if (media->source == Source::url) {  // as it should be, with nothing in front
        media->source = Source::base64;
        media->data = std::exchange(media->url, {});
    }
    media->type = "audio/" + format.text();
    put(std::move(*media));
    return std::nullopt;
}

std::optional<Problem> Reader::audio_url() {
    const auto said = part_.at("audio_url");
    if (auto problem = check_kinds(said, kAudio, where_ + ": audio_url")) return problem;
    const auto url = said.at("url").content();
    auto media = media_of_url(url, Kind::audio);
    if (!media || url.empty()) {
        return bad(where_ + ": an audio_url is neither a URL nor data in base64");
    }
    put(std::move(*media));
    return std::nullopt;
}

}  // namespace

bool is_media_part(Value type) {
    return std::any_of(kTypes.begin(), kTypes.end(),
                       [&](std::string_view one) { return type.is(one); });
}

std::optional<Problem> read_media_part(Value part, const std::string& where, std::string_view list,
                                       Talk& talk, std::vector<Block>& blocks) {
    return Reader(part, where, list, talk, blocks).run();
}

std::optional<Problem> read_source(Value source, const std::string& where, Media& media) {
    if (auto problem = check_kinds(source, kSource, where + ".source")) return problem;
    const auto [type, media_type, data, url, file] =
        source.pick({"type", "media_type", "data", "url", "file_id"});
    if (!type.is_string()) return bad(where + ": a source is missing, or has no type");
    media.type = media_type.text();
    Value said = data;
    if (type.is("url")) {
        media.source = Source::url;
        said = url;
    } else if (type.is("text")) {
        media.source = Source::text;
    } else if (type.is("file")) {
        media.source = Source::file;
        said = file;
    } else if (!type.is("base64")) {
        return unsupported(where + ": a source of type " + type.text() +
                           " is known to its own provider only");
    }
    if (said.nothing()) return bad(where + ": a source says not what it holds");
    (media.source == Source::url ? media.url : media.data) = said.content();
    return std::nullopt;
}

}  // namespace understudy::dialects
