#include "cmd/probe/heard.hpp"

#include "config/presets.hpp"
#include "config/text.hpp"
#include "proxy/log.hpp"
#include "wire/field_id.hpp"
#include "wire/withheld.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>

namespace understudy::cmd::probe {
namespace {

constexpr std::size_t kLongestMessage = 200;

// Attempts say "timeout: " in front of the step at which time ran out.
std::string_view without_timeout(std::string_view detail) {
    constexpr std::string_view kTimeout = "timeout: ";
    return detail.starts_with(kTimeout) ? detail.substr(kTimeout.size()) : detail;
}

const nlohmann::json* member(const nlohmann::json& value, const char* name) {
    if (!value.is_object()) return nullptr;
    const auto it = value.find(name);
    return it == value.end() ? nullptr : &*it;
}

// {"error":{"message":...}}, {"error":"..."}, {"message":...}, {"detail":...}, and each in a list.
std::string message_in(const nlohmann::json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array()) return value.empty() ? std::string() : message_in(value.front());
    for (const char* name : {"error", "message", "detail", "msg"}) {
        if (const auto* inner = member(value, name)) {
            auto text = message_in(*inner);
            if (!text.empty()) return text;
        }
    }
    return {};
}

void replace_all(std::string& text, const std::string& what) {
    if (what.empty()) return;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 3)) {
        text.replace(at, what.size(), "***");
    }
}

// One line of at most 200 bytes, not cut inside a character.
std::string shortened(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    if (text.size() <= kLongestMessage) return text;
    auto end = kLongestMessage;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end) + "...";
}

bool is_secret(const config::HeaderSetting& header) {
    return wire::kCredentials.contains(wire::identify(header.name)) ||
           wire::names_secret(header.name);
}

// The key by the name under which its owner can change it.
std::string key_of(const config::Upstream& upstream) {
    if (!upstream.key_variable.empty()) return "the key in $" + upstream.key_variable;
    if (upstream.aws) return "the AWS key of " + upstream.aws->source;
    return upstream.api_key ? "the api_key" : "the credential in `headers`";
}

std::string explain_handshake(const config::Upstream& upstream, const Heard& heard) {
    const std::string text(without_timeout(heard.detail));
    if (text.find("certificate verify failed") != std::string::npos) {
        return text +
               "; its certificate is not one that this machine trusts for that name: set "
               "tls.ca to the file of the authority that issued it, or tls.sni to the name in it";
    }
    if (speaks_tls(heard)) {
        return text +
               "; the server refused the handshake: is the host of base_url (or tls.sni) the "
               "name that it serves, and does it want a client's certificate (there is no "
               "setting for one)?";
    }
    return text + "; no TLS connection could be made: are port and scheme of base_url (" +
           upstream.base_url.text() + ") right?";
}

}  // namespace

Step reached(const Heard& heard, bool tls) {
    if (heard.status != 0) return Step::answer;
    const auto what = without_timeout(heard.detail);
    if (what.starts_with("proxy ")) return Step::proxy;
    if (what.starts_with("resolve ")) return Step::resolve;
    if (what.starts_with("connect ") || what == "no address") return Step::connect;
    return tls && what.starts_with("TLS with ") ? Step::handshake : Step::answer;
}

bool speaks_tls(const Heard& heard) {
    // OpenSSL's names for alerts that came begin with the version in which they were defined.
    return heard.detail.find("certificate") != std::string::npos ||
           heard.detail.find(" alert ") != std::string::npos ||
           heard.detail.find(": tlsv1") != std::string::npos;
}

std::string error_message(std::string_view body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (json.is_discarded() || json.is_string()) return {};
    return message_in(json);
}

std::string without_secrets(std::string text, const config::Upstream& upstream) {
    for (std::size_t i = 0; i < upstream.key_count(); ++i) {
        replace_all(text, upstream.key(i).reveal());
    }
    if (upstream.aws) {
        replace_all(text, upstream.aws->key_id);
        replace_all(text, upstream.aws->secret.reveal());
        if (!upstream.aws->token.empty()) replace_all(text, upstream.aws->token.reveal());
    }
    for (const auto& header : upstream.headers) {
        if (!is_secret(header)) continue;
        const std::string& value = header.value.reveal();
        replace_all(text, value);
        // "Bearer KEY": an upstream says the key alone.
        const auto space = value.rfind(' ');
        if (space != std::string::npos) replace_all(text, value.substr(space + 1));
    }
    return text;
}

bool has_credential(const config::Upstream& upstream) {
    return upstream.has_key() ||
           std::any_of(upstream.headers.begin(), upstream.headers.end(), is_secret);
}

std::string explain_silence(const config::Upstream& upstream, const Heard& heard) {
    const auto what = without_timeout(heard.detail);
    const bool late = what.size() != heard.detail.size();
    const std::string text(what);
    switch (reached(heard, upstream.base_url.tls)) {
        case Step::proxy:
            return text +
                   "; the upstream was not reached: are HTTPS_PROXY, HTTP_PROXY or the `proxy` of "
                   "this upstream right, and may this machine use it?";
        case Step::resolve:
            return text +
                   "; is the host of base_url spelled right, and does this machine have a "
                   "name server?";
        case Step::connect:
            if (late || what.ends_with("no answer")) {
                return text +
                       " within timeouts.connect; is the address right, and does a firewall "
                       "let this machine out?";
            }
            return text + "; is the server running, and is the port in base_url right?";
        case Step::handshake:
            return explain_handshake(upstream, heard);
        case Step::answer:
            break;
    }
    return (late ? text + " in time" : text) + " from " + upstream.base_url.authority() +
           "; it took the request and said nothing: is base_url the address of the API?";
}

std::string quote_answer(const config::Upstream& upstream, const Heard& heard) {
    std::string text = heard.status >= 200 && heard.status < 300
                           ? heard.detail
                           : "HTTP " + std::to_string(heard.status);
    if (!heard.location.empty()) {
        return text + " to " + proxy::quoted(shortened(without_secrets(heard.location, upstream)));
    }
    // Cut last: half a key would not be found.
    const auto message = shortened(without_secrets(error_message(heard.body), upstream));
    return message.empty() ? text : text + ": " + proxy::quoted(message);
}

std::string explain_failure(const config::Upstream& upstream, const Heard& heard) {
    using wire::FailureClass;
    const auto said = quote_answer(upstream, heard);
    if (heard.status >= 300 && heard.status < 400) {
        return said +
               "; redirects are not followed: write the address it names, without the "
               "endpoint at its end, as base_url";
    }
    switch (heard.failure) {
        case FailureClass::quota:
            return said +
                   "; the key is right, but its account has no credit left: top it up at "
                   "the provider";
        case FailureClass::rate_limit:
            return said +
                   "; the key is right, but too much was asked of it just now: try again "
                   "later";
        case FailureClass::timeout:
            return said +
                   "; no answer in time: is the model overloaded or still being loaded? "
                   "Raise timeouts.first_token if it is always so slow";
        case FailureClass::server_error:
            return said + "; the provider is in trouble: try again later";
        case FailureClass::malformed:
            return said + "; is base_url (" + upstream.base_url.text() + ") the address of " +
                   (upstream.dialect == wire::Dialect::converse ? "Bedrock's runtime?"
                                                                : "an OpenAI-compatible API?");
        default:
            return said;
    }
}

std::string explain_refusal(const config::Upstream& upstream, const Heard& heard) {
    const auto said = quote_answer(upstream, heard);
    if (!has_credential(upstream)) {
        return said +
               "; it wants a key and this upstream has none: clients' own keys are passed "
               "on, which cannot be tried here; or give it an `api_key`";
    }
    const auto key = key_of(upstream);
    if (heard.status == 403) {
        return said + "; " + key +
               " may not use this: check at the provider what it is allowed, "
               "and from where";
    }
    return said + "; " + key + " was not accepted: check it, and that it belongs to " +
           upstream.base_url.host;
}

}  // namespace understudy::cmd::probe
