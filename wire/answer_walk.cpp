#include "wire/answer_walk.hpp"

#include "wire/delta_keys.hpp"
#include "wire/error_member.hpp"
#include "wire/native_walk.hpp"
#include "wire/text_size.hpp"

#include <algorithm>

namespace understudy::wire {
namespace {

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool equals_lower(std::string_view text, std::string_view lower_case) noexcept {
    return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                      [](char a, char b) { return lower(a) == b; });
}

class Walk {
  public:
    Walk(std::string_view text, AnswerFindings& found) : in_(text), found_(found) {}

    std::optional<JsonProblem> run();

  private:
    bool member(std::string_view key);
    bool other_member(std::string_view key);
    bool padding(std::string_view key);
    bool choices();
    bool choice(bool first);
    bool choice_member(std::string_view key, bool first);
    bool delta(bool first);
    bool groq();
    bool response();
    bool outer_message();
    bool item();

    bool take_string(std::string_view& into) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (value.kind == JsonKind::string) into = value.string_content();
        return true;
    }
    bool take_usage(UsageFinding& into) {
        if (!in_.at_object()) {
            JsonValue value;
            if (!in_.take(value)) return false;
            into.null |= value.kind == JsonKind::null;
            return true;
        }
        into.present = true;
        into.google = false;
        return walk_usage(in_, into.usage, found_.usage_tier);
    }
    bool take_error() { return walk_error(in_, found_.error); }
    bool take_told_error() {
        if (!walk_error(in_, found_.told)) return false;
        found_.error |= found_.told;
        return true;
    }
    bool take_text();
    bool take_flag(bool& flag, JsonKind kind, bool may_be_empty) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (value.kind == kind && (may_be_empty || !value.is_empty())) flag = true;
        return true;
    }
    bool take_finish_reason(bool first);
    bool take_index() {
        JsonValue value;
        if (!in_.take(value)) return false;
        found_.several |= value.kind == JsonKind::number && value.raw != "0";
        return true;
    }
    bool take_content(bool& flag, JsonKind& kind) {
        JsonValue value;
        if (!in_.take(value)) return false;
        kind = value.kind;
        if (!says_something(value)) return true;
        flag = true;
        if (found_.variable) found_.variable->add_content(value);
        return true;
    }
    bool take_variable(JsonKind kind) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (value.kind == kind && found_.variable) found_.variable->add(value, false);
        return true;
    }

    JsonCursor in_;
    AnswerFindings& found_;
};

std::optional<JsonProblem> Walk::run() {
    in_.skip_preamble();
    JsonKind kind = JsonKind::null;
    if (in_.at_end()) {
        in_.fail("empty text");
    } else if (in_.peek(kind)) {
        found_.is_object = kind == JsonKind::object;
        if (in_.object_members([this](std::string_view key) { return member(key); })) in_.finish();
        if (found_.service_tier.empty()) found_.service_tier = found_.usage_tier;
    }
    return in_.problem();
}

// Members that every chunk of a stream repeats, whatever it says (OpenAI's reference of the chat
// completion chunk; `provider` is OpenRouter's, `obfuscation` and `p` are padding). Those that
// Walk::member takes itself are not asked for.
static bool is_envelope(std::string_view key) noexcept {
    switch (key.size()) {
        case 1:
            return key == "p";
        case 2:
            return key == "id";
        case 6:
            return key == "object";
        case 7:
            return key == "created";
        case 8:
            return key == "provider";
        case 11:
            return key == "obfuscation";
        case 18:
            return key == "system_fingerprint";
        default:
            return false;
    }
}

bool Walk::member(std::string_view key) {
    // By length first: most keys of an event are of no interest, and this settles it at once.
    switch (key.size()) {
        case 4:
            if (key == "type") {
                found_.extra = true;
                return take_string(found_.type);
            }
            break;
        case 5:
            if (key == "model") return take_string(found_.model);
            if (key == "usage") return take_usage(found_.usage);
            if (key == "error") return take_told_error();
            break;
        case 6:
            if (key == "x_groq") {
                found_.extra = true;
                return groq();
            }
            break;
        case 7:
            if (key == "choices") return choices();
            break;
        case 12:
            if (key == "service_tier") return take_string(found_.service_tier);
            if (key == "modelVersion") return take_string(found_.model);
            break;
        default:
            break;
    }
    found_.extra = found_.extra || !is_envelope(key);
    return other_member(key);
}

/// Members that chat chunks do not have.
bool Walk::other_member(std::string_view key) {
    switch (key.size()) {
        case 4:
            if (key == "item") return item();
            if (key == "data") return take_flag(found_.has_data, JsonKind::array, false);
            if (key == "text") return take_text();
            break;
        case 5:
            if (key == "delta") {
                if (in_.at_object()) return walk_native(in_, key, found_);
                JsonKind kind = JsonKind::null;
                return take_content(found_.has_delta, kind);
            }
            break;
        case 6:
            if (key == "status") return take_string(found_.status);
            if (key == "output") return take_flag(found_.has_output, JsonKind::array, true);
            if (key == "errors") return take_error();
            if (key == "object") {
                std::string_view object;
                if (!take_string(object)) return false;
                found_.error |= object == "error";  // vLLM up to 0.9, Mistral: no wrapper
                return true;
            }
            break;
        case 7:
            if (key == "message") return outer_message();
            if (key == "results") return take_flag(found_.has_results, JsonKind::array, true);
            if (key == "content") return take_flag(found_.has_content, JsonKind::array, true);
            break;
        case 8:
            if (key == "response") return response();
            break;
        case 10:
        case 13:
        case 14:
            return walk_native(in_, key, found_);
        default:
            return padding(key);
    }
    return in_.skip();
}

/// The text of a transcription, which may be of silence, or of an event's delta.
bool Walk::take_text() {
    JsonValue value;
    if (!in_.take(value)) return false;
    if (value.kind != JsonKind::string) return true;
    found_.has_text = true;
    found_.has_delta |= !value.is_empty();
    return true;
}

/// What hides the length of the text, and what counts the events; and the end of a whole message.
bool Walk::padding(std::string_view key) {
    if (key == "stop_reason") return walk_native(in_, key, found_);
    if (key == "obfuscation" || key == "p") return take_variable(JsonKind::string);
    if (key == "sequence_number") return take_variable(JsonKind::number);
    return in_.skip();
}

bool Walk::choices() {
    JsonKind kind = JsonKind::null;
    if (!in_.peek(kind)) return false;
    if (kind != JsonKind::array) return in_.skip();
    bool first = true;
    found_.choices_present = true;
    if (!in_.each_element([&] {
            const bool is_first = first;
            first = false;
            found_.several |= !is_first;
            return choice(is_first);
        })) {
        return false;
    }
    found_.choices_empty = first;
    return true;
}

bool Walk::choice(bool first) {
    return in_.object_members([&](std::string_view key) { return choice_member(key, first); });
}

bool Walk::choice_member(std::string_view key, bool first) {
    switch (key.size()) {
        case 4:
            if (key == "text") {
                JsonKind kind = JsonKind::null;
                if (!take_content(found_.content, kind)) return false;
                found_.has_answer |= first && kind == JsonKind::string;
                return true;
            }
            break;
        case 5:
            if (key == "delta") return delta(first);
            if (key == "index") return take_index();
            if (key == "usage") return take_usage(found_.choice_usage);
            if (key == "error") return take_error();
            break;
        case 7:
            if (key == "message") return delta(first);
            break;
        case 13:
            if (key == "finish_reason") return take_finish_reason(first);
            break;
        default:
            break;
    }
    return in_.skip();
}

bool Walk::take_finish_reason(bool first) {
    std::string_view reason;
    if (!take_string(reason)) return false;
    if (reason.empty()) return true;  // null, or "" from servers that always send the key
    if (found_.finish_reason.empty()) found_.finish_reason = reason;
    if (is_error_finish(reason)) {
        found_.error = true;
    } else {
        found_.finish = true;
    }
    found_.has_answer |= first;
    return true;
}

bool Walk::delta(bool first) {
    return in_.object_members([&](std::string_view key) {
        found_.has_answer |= first;
        if (is_bare_key(key)) return in_.skip();
        JsonKind kind = JsonKind::null;
        return take_content(found_.content, kind);
    });
}

bool Walk::groq() {
    return in_.object_members([this](std::string_view key) {
        if (key == "usage") return take_usage(found_.groq_usage);
        if (key == "error") return take_error();
        return in_.skip();
    });
}

bool Walk::outer_message() {
    return in_.object_members([this](std::string_view key) {
        if (key == "usage") return take_usage(found_.inner_usage);
        if (key == "model" && found_.model.empty()) return take_string(found_.model);
        if (key == "content") return take_flag(found_.has_block, JsonKind::array, false);
        return in_.skip();
    });
}

bool Walk::response() {
    return in_.object_members([this](std::string_view key) {
        if (key == "usage") return take_usage(found_.inner_usage);
        if (key == "model") return take_string(found_.model);
        if (key == "service_tier") return take_string(found_.service_tier);
        if (key == "status") return take_string(found_.status);
        if (key == "error") return take_error();
        return in_.skip();
    });
}

bool Walk::item() {
    return in_.object_members([this](std::string_view key) {
        if (key == "type") return take_string(found_.item_type);
        return in_.skip();
    });
}

}  // namespace

void VariableValues::add_content(const JsonValue& value) {
    // A list or an object of one token is all names and brackets; that it came is what counts.
    constexpr std::size_t kLittle = 160;
    if (value.kind == JsonKind::string) {
        add(value, true);
        text_bytes += decoded_bytes(value.string_content());
    } else if (value.raw.size() > kLittle) {
        text_bytes += measure_text(value.raw).bytes;
    }
}

std::optional<JsonProblem> walk_answer(std::string_view text, AnswerFindings& found) {
    return Walk(text, found).run();
}

std::optional<Usage> usage_of(const AnswerFindings& found) {
    for (const UsageFinding* block :
         {&found.usage, &found.groq_usage, &found.choice_usage, &found.inner_usage}) {
        if (block->usage) return block->usage;
    }
    return std::nullopt;
}

bool is_error_finish(std::string_view reason) noexcept {
    constexpr std::string_view suffix = "_error";
    return equals_lower(reason, "error") || equals_lower(reason, "abort") ||
           equals_lower(reason, "insufficient_system_resource") ||
           (reason.size() > suffix.size() &&
            equals_lower(reason.substr(reason.size() - suffix.size()), suffix));
}

}  // namespace understudy::wire
