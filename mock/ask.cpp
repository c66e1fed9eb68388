#include "mock/ask.hpp"

#include "mock/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <tuple>
#include <utility>

namespace understudy::mock {
namespace {

using Json = nlohmann::json;

/// Walks JSON text by its brackets and quotes. It finds members, it does not validate.
class Walker {
  public:
    explicit Walker(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

    void space() {
        while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
    }
    /// Skips white space and takes `c` if it is next.
    bool take(char c) {
        space();
        if (at_ == end_ || *at_ != c) return false;
        ++at_;
        return true;
    }
    bool at_end() {
        space();
        return at_ == end_;
    }

    /// The value that is next, as text; empty when the text ends first.
    std::string_view value() {
        space();
        const char* const begin = at_;
        if (at_ == end_) return {};
        const bool whole = *at_ == '"'                  ? skip_string()
                           : *at_ == '{' || *at_ == '[' ? skip_container()
                                                        : skip_scalar();
        return whole ? std::string_view(begin, static_cast<std::size_t>(at_ - begin))
                     : std::string_view();
    }

  private:
    bool skip_string() {
        for (++at_; at_ < end_;) {
            const auto* quote = static_cast<const char*>(
                std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_)));
            if (quote == nullptr) break;
            const char* before = quote;
            while (before > at_ && before[-1] == '\\') --before;
            at_ = quote + 1;
            if ((quote - before) % 2 == 0) return true;  // an even run escapes only itself
        }
        at_ = end_;
        return false;
    }

    bool skip_container() {
        std::size_t depth = 0;
        while (at_ < end_) {
            const char c = *at_;
            if (c == '"') {
                if (!skip_string()) return false;
                continue;
            }
            ++at_;
            if (c == '{' || c == '[') ++depth;
            if ((c == '}' || c == ']') && --depth == 0) return true;
        }
        return false;
    }

    bool skip_scalar() {
        const char* const begin = at_;
        while (at_ < end_ && std::strchr(",]} \t\r\n:", *at_) == nullptr) ++at_;
        return at_ > begin;
    }

    const char* at_;
    const char* end_;
};

/// Calls visit(key token, value text) for each member; false when the text is not an object.
template <class Visit>
bool each_member(std::string_view text, Visit visit) {
    Walker walker(text);
    if (!walker.take('{')) return false;
    if (walker.take('}')) return walker.at_end();
    do {
        const auto key = walker.value();
        if (key.size() < 2 || key.front() != '"' || !walker.take(':')) return false;
        const auto value = walker.value();
        if (value.empty()) return false;
        visit(key.substr(1, key.size() - 2), value);
    } while (walker.take(','));
    return walker.take('}') && walker.at_end();
}

/// The last two elements of a list.
std::pair<std::string_view, std::string_view> last_elements(std::string_view array) {
    Walker walker(array);
    std::string_view before, last;
    if (!walker.take('[')) return {};
    do {
        const auto element = walker.value();
        if (element.empty()) break;
        before = std::exchange(last, element);
    } while (walker.take(','));
    return {before, last};
}

constexpr std::string_view kMark = "<last_words>";
constexpr std::string_view kEndMark = "</last_words>";

/// Whether a message asks to go on with an answer that broke off. A message that does is short.
bool asks_to_go_on(std::string_view message) {
    constexpr std::size_t kMost = 4096;
    return message.size() <= kMost && (message.find(kMark) != std::string_view::npos ||
                                       message.find("cut off") != std::string_view::npos);
}

bool is_assistant(std::string_view message) {
    bool found = false;
    each_member(message, [&](std::string_view name, std::string_view value) {
        if (name == "role") found = value == "\"assistant\"" || value == "\"model\"";
    });
    return found;
}

void read_model(std::string_view value, BodyFacts& facts) {
    if (value.size() < 2 || value.front() != '"') return;
    facts.model = value.substr(1, value.size() - 2);
    if (facts.model.find('\\') == std::string_view::npos) return;
    const auto decoded = Json::parse(value, nullptr, false);
    if (decoded.is_string()) facts.decoded = decoded.get<std::string>();
    facts.model = facts.decoded;
}

/// The value of a form field, or an empty view.
std::string_view form_field(std::string_view body, std::string_view boundary,
                            std::string_view name) {
    const std::string field = join({"name=\"", name, "\""});
    for (auto at = body.find(field); at != std::string_view::npos; at = body.find(field, at + 1)) {
        if (at > 0 && body[at - 1] != ' ' && body[at - 1] != ';') continue;  // filename="..."
        const auto begin = body.find("\r\n\r\n", at);
        if (begin == std::string_view::npos) return {};
        const auto end = body.find(join({"\r\n--", boundary}), begin);
        if (end == std::string_view::npos) return {};
        return body.substr(begin + 4, end - begin - 4);
    }
    return {};
}

constexpr std::string_view kGooglePath = "/v1beta/";
constexpr std::string_view kStreamAction = "streamGenerateContent";

/// What stands behind the last colon of "/models/NAME:action"; names may have colons, too.
std::string_view google_action(std::string_view path) {
    const auto colon = path.rfind(':');
    return colon == std::string_view::npos ? std::string_view() : path.substr(colon + 1);
}

constexpr std::string_view kAmazonPath = "/model/";
constexpr std::string_view kAmazonAction = "/converse";
constexpr std::string_view kAmazonStream = "/converse-stream";

/// "a%2Bb" is "a+b"; what is no code stays as it is.
std::string without_percents(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        const char* const end = text.data() + std::min(i + 3, text.size());
        const bool code = text[i] == '%' && i + 2 < text.size() &&
                          std::from_chars(text.data() + i + 1, end, value, 16).ptr == end;
        plain += code ? static_cast<char>(value) : text[i];
        if (code) i += 2;
    }
    return plain;
}

}  // namespace

Api api_of(Endpoint endpoint) {
    switch (endpoint) {
        case Endpoint::messages:
        case Endpoint::count_messages:
            return Api::anthropic;
        case Endpoint::gemini:
        case Endpoint::count_gemini:
        case Endpoint::google_models:
            return Api::google;
        case Endpoint::converse:
            return Api::amazon;
        default:
            return Api::openai;
    }
}

Endpoint endpoint_of(std::string_view path) {
    struct Known {
        std::string_view path;
        Endpoint endpoint;
    };
    static constexpr std::array kKnown{
        Known{"/chat/completions", Endpoint::chat},
        Known{"/completions", Endpoint::completions},
        Known{"/responses", Endpoint::responses},
        Known{"/messages", Endpoint::messages},
        Known{"/messages/count_tokens", Endpoint::count_messages},
        Known{"/embeddings", Endpoint::embeddings},
        Known{"/moderations", Endpoint::moderations},
        Known{"/images/generations", Endpoint::images},
        Known{"/images/edits", Endpoint::images},
        Known{"/images/variations", Endpoint::images},
        Known{"/audio/transcriptions", Endpoint::transcription},
        Known{"/audio/translations", Endpoint::translation},
        Known{"/audio/speech", Endpoint::speech},
        Known{"/models", Endpoint::models},
        Known{"/healthz", Endpoint::health},
    };
    if (path.starts_with("/control/")) return Endpoint::control;
    if (path.starts_with(kAmazonPath)) {
        const bool known = path.ends_with(kAmazonAction) || path.ends_with(kAmazonStream);
        return known ? Endpoint::converse : Endpoint::unknown;
    }
    const bool google = path.starts_with(kGooglePath);
    if (path.starts_with("/v1/")) path.remove_prefix(3);
    if (google) path.remove_prefix(kGooglePath.size() - 1);
    if (path.starts_with("/models/")) {
        const auto action = google_action(path);
        if (action == "generateContent" || action == kStreamAction) return Endpoint::gemini;
        if (action == "countTokens") return Endpoint::count_gemini;
    }
    if (google && (path == "/models" || path.starts_with("/models/")))
        return Endpoint::google_models;
    if (google) return Endpoint::unknown;
    if (path.starts_with("/models/")) return Endpoint::models;
    const auto* const known =
        std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.path == path; });
    return known == kKnown.end() ? Endpoint::unknown : known->endpoint;
}

BodyFacts scan_json(std::string_view body) {
    BodyFacts facts;
    std::string_view before;
    facts.well_formed = each_member(body, [&](std::string_view key, std::string_view value) {
        if (key == "model") {
            read_model(value, facts);
        } else if (key == "stream") {
            facts.stream = value == "true";
        } else if (key == "stream_options") {
            each_member(value, [&](std::string_view name, std::string_view inner) {
                if (name == "include_usage") facts.include_usage = inner == "true";
            });
        } else if (key == "messages" || key == "contents" || key == "input") {
            std::tie(before, facts.last_message) = last_elements(value);
        }
    });
    facts.last_is_assistant = is_assistant(facts.last_message);
    if (!facts.last_is_assistant && asks_to_go_on(facts.last_message) && is_assistant(before))
        facts.previous_message = before;
    return facts;
}

void read_path(Endpoint endpoint, std::string_view path, BodyFacts& facts) {
    constexpr std::string_view kModels = "/models/";
    if (endpoint == Endpoint::converse) {
        facts.stream = path.ends_with(kAmazonStream);
        path.remove_suffix(facts.stream ? kAmazonStream.size() : kAmazonAction.size());
        facts.model = path.substr(std::min(kAmazonPath.size(), path.size()));
    } else if (endpoint == Endpoint::gemini || endpoint == Endpoint::count_gemini) {
        const auto action = google_action(path);
        const auto at = path.find(kModels) + kModels.size();
        facts.model = path.substr(at, path.size() - action.size() - 1 - at);
        facts.stream = action == kStreamAction;
    } else {
        return;
    }
    if (facts.model.find('%') == std::string_view::npos) return;
    facts.decoded = without_percents(facts.model);
    facts.model = facts.decoded;
}

BodyFacts scan_form(std::string_view body, std::string_view content_type) {
    BodyFacts facts;
    constexpr std::string_view kParameter = "boundary=";
    const auto at = content_type.find(kParameter);
    if (at == std::string_view::npos) return facts;
    auto boundary = content_type.substr(at + kParameter.size());
    boundary = boundary.substr(0, boundary.find(';'));
    if (boundary.size() > 1 && boundary.front() == '"')
        boundary = boundary.substr(1, boundary.size() - 2);
    facts.well_formed =
        !boundary.empty() && body.find(join({"--", boundary, "--"})) != std::string_view::npos;
    facts.model = form_field(body, boundary, "model");
    facts.stream = form_field(body, boundary, "stream") == "true";
    return facts;
}

std::optional<std::string> message_text(std::string_view message_json) {
    const auto message = Json::parse(message_json, nullptr, false);
    if (!message.is_object()) return std::nullopt;
    const bool google = message.contains("parts");
    const auto content = message.find(google ? "parts" : "content");
    if (content == message.end()) return std::nullopt;
    if (content->is_string()) return content->get<std::string>();
    if (!content->is_array()) return std::nullopt;
    std::string text;
    for (const auto& part : *content) {
        if (!part.is_object() || !part.contains("text")) return std::nullopt;
        const auto type = part.value("type", "text");
        if (type != "text" && type != "input_text" && type != "output_text") return std::nullopt;
        text += part.value("text", "");
    }
    return text;
}

std::optional<std::string> begun_before(std::string_view previous, std::string_view last) {
    auto begun = message_text(previous);
    const auto asked = message_text(last);
    if (!begun || !asked) return begun;
    const auto mark = asked->find(kMark);
    const auto end = asked->find(kEndMark);
    if (mark == std::string::npos || end == std::string::npos || end < mark) return begun;
    const auto from = mark + kMark.size();
    const std::string words = asked->substr(from, end - from);
    if (begun->ends_with(words)) begun->resize(begun->size() - words.size());
    return begun;
}

EmbeddingsAsk scan_embeddings(std::string_view body) {
    EmbeddingsAsk ask;
    const auto document = Json::parse(body, nullptr, false);
    if (!document.is_object()) return ask;
    const auto input = document.find("input");
    // A list of numbers is one input given as tokens.
    if (input != document.end() && input->is_array() && !input->empty() &&
        !input->front().is_number())
        ask.inputs = std::min<std::size_t>(input->size(), 2048);
    if (const auto format = document.find("encoding_format"); format != document.end())
        ask.base64 = *format == "base64";
    if (const auto size = document.find("dimensions");
        size != document.end() && size->is_number_unsigned())
        ask.dimensions = std::clamp<std::size_t>(size->get<std::size_t>(), 1, 4096);
    return ask;
}

}  // namespace understudy::mock
