#include "wire/error_evidence.hpp"

#include "wire/answer.hpp"
#include "wire/json_scan.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>

namespace understudy::wire {
namespace {

using nlohmann::json;

// Messages that matter fit many times over; what is longer echoes something.
constexpr std::size_t kMaxMessageBytes = 4096;
// An error wrapped by a gateway (metadata.raw) that was itself wrapped: enough.
constexpr int kMaxWrappers = 2;

std::string lowered(std::string_view text) {
    std::string result(text.substr(0, kMaxMessageBytes));
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return result;
}

/// The value at a path of object keys; null where there is none.
const json& at(const json& from, std::initializer_list<const char*> path) {
    static const json nothing;
    const json* value = &from;
    for (const auto* key : path) {
        if (!value->is_object()) return nothing;
        const auto found = value->find(key);
        if (found == value->end()) return nothing;
        value = &*found;
    }
    return *value;
}

void note_status(ErrorEvidence& evidence, unsigned long long number) {
    if (evidence.status == 0 && number >= 400 && number <= 599) {
        evidence.status = static_cast<unsigned>(number);
    }
}

/// An identifier without what AWS wraps around it; anything else as it is.
std::string_view bare_identifier(std::string_view text) {
    if (text.find(' ') != std::string_view::npos) return text;
    text = text.substr(0, text.find(':'));
    return text.substr(text.find('#') + 1);  // npos + 1 is 0
}

void add_text(ErrorEvidence& evidence, std::string_view text) {
    if (text.empty()) return;
    unsigned number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec == std::errc{} && end == text.data() + text.size()) {
        note_status(evidence, number);
    } else {
        evidence.codes.push_back(lowered(bare_identifier(text)));
    }
}

void add_message(ErrorEvidence& evidence, std::string_view message) {
    if (!evidence.message.empty()) evidence.message += '\n';
    evidence.message += lowered(message);
}

void add_facts(ErrorEvidence& evidence, const ErrorFacts& facts) {
    add_text(evidence, facts.code);
    add_text(evidence, facts.type);
    add_message(evidence, facts.message);
}

void add_code(ErrorEvidence& evidence, const json& value) {
    if (value.is_string()) {
        add_text(evidence, value.get_ref<const std::string&>());
    } else if (value.is_number_unsigned()) {
        note_status(evidence, value.get<unsigned long long>());
    }
}

// Google's typed details: ErrorInfo.reason, QuotaFailure.violations[].quotaId,
// RetryInfo.retryDelay.
void add_details(ErrorEvidence& evidence, const json& details) {
    add_code(evidence, at(details, {"error_code"}));  // Anthropic: details is an object
    if (!details.is_array()) return;
    for (const auto& detail : details) {
        add_code(evidence, at(detail, {"reason"}));
        const auto& delay = at(detail, {"retryDelay"});
        if (delay.is_string()) evidence.retry_delay = delay.get<std::string>();
        const auto& violations = at(detail, {"violations"});
        if (!violations.is_array()) continue;
        for (const auto& violation : violations) add_code(evidence, at(violation, {"quotaId"}));
    }
}

// Google's older form: the reasons in a list of their own.
void add_reasons(ErrorEvidence& evidence, const json& errors) {
    if (!errors.is_array()) return;
    for (const auto& entry : errors) add_code(evidence, at(entry, {"reason"}));
}

/// The error object, wherever it is; something else than an object when there is none.
const json& find_error(const json& body) {
    const auto& document = body.is_array() && body.size() == 1 ? body.front() : body;
    const auto& plain = at(document, {"error"});
    if (plain.is_object()) return plain;
    const auto& response = at(document, {"response", "error"});
    if (response.is_object()) return response;
    const auto& choices = at(document, {"choices"});
    if (!choices.is_array() || choices.empty()) return plain;
    return at(choices.front(), {"error"});
}

/// Whether any of the places that are looked up below may be there. In an outage every request
/// reads an error, and most have none of them.
bool may_have_more(std::string_view body) noexcept {
    constexpr std::array<std::string_view, 6> kPlaces{"innererror", "inner_error", "details",
                                                      "errors",     "status",      "metadata"};
    const auto has = [body](std::string_view text) {
        return body.find(text) != std::string_view::npos;
    };
    // A name may be written in escapes.
    return std::any_of(kPlaces.begin(), kPlaces.end(), has) || has("\\u");
}

/// A tree of what is JSON and has something to look up; null for anything else.
json tree_of(std::string_view body) {
    JsonKind kind{};
    // The check bounds the nesting, which nlohmann does not when it writes.
    if (!may_have_more(body) || check_json(body, kind)) return nullptr;
    return json::parse(body, nullptr, false);
}

void gather(std::string_view body, int wrappers, ErrorEvidence& evidence) {
    const auto facts = parse_error_body(body);
    const auto document = tree_of(body);
    if (document.is_null()) {
        add_facts(evidence, facts);
        return;
    }
    const auto& error = find_error(document);
    add_text(evidence, facts.code);
    add_code(evidence, at(error, {"innererror", "code"}));
    add_code(evidence, at(error, {"inner_error", "code"}));
    add_details(evidence, at(error, {"details"}));
    add_reasons(evidence, at(error, {"errors"}));
    add_code(evidence, at(error, {"status"}));
    add_text(evidence, facts.type);
    add_code(evidence, at(document, {"statusCode"}));
    add_message(evidence, facts.message);
    const auto& raw = at(error, {"metadata", "raw"});
    if (wrappers == 0 || raw.is_null()) return;
    // OpenRouter's own message is "Provider returned error"; the provider's words are in here.
    gather(raw.is_string() ? raw.get<std::string>()
                           : raw.dump(-1, ' ', false, json::error_handler_t::replace),
           wrappers - 1, evidence);
}

}  // namespace

void add_identifier(ErrorEvidence& evidence, std::string_view text) {
    add_text(evidence, text);
}

ErrorEvidence gather_evidence(std::string_view body) {
    ErrorEvidence evidence;
    gather(body, kMaxWrappers, evidence);
    return evidence;
}

ErrorEvidence evidence_of(const ErrorFacts& error) {
    ErrorEvidence evidence;
    add_facts(evidence, error);
    return evidence;
}

}  // namespace understudy::wire
