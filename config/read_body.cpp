// What is changed on the way to one upstream: headers and top-level members of the body.
#include "config/credential.hpp"
#include "config/read.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace understudy::config {
namespace {

// Headers that the proxy itself must decide: framing (a wrong one desynchronises the connection),
// hop-by-hop (RFC 9110 7.6.1), and those that its metering and tracing rely on.
constexpr std::array<std::string_view, 15> kRefusedHeaders{"connection",
                                                           "content-length",
                                                           "content-type",
                                                           "content-encoding",
                                                           "accept-encoding",
                                                           "expect",
                                                           "host",
                                                           "keep-alive",
                                                           "proxy-connection",
                                                           "te",
                                                           "trailer",
                                                           "transfer-encoding",
                                                           "upgrade",
                                                           "x-request-id",
                                                           "proxy-authorization"};

}  // namespace

bool is_refused_header(std::string_view lower_name) {
    return std::find(kRefusedHeaders.begin(), kRefusedHeaders.end(), lower_name) !=
           kRefusedHeaders.end();
}

// Members that routing and relaying rely on; what replaces the setting.
std::string_view reserved_member(std::string_view name) {
    if (name == "model") return "the upstream's own `model` (or upstream/model in a chain) sets it";
    if (name == "stream") return "the client decides it, and the answer must have that form";
    return {};
}

std::string_view header_value_problem(std::string_view text) {
    const auto bad = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7f;
    };
    if (std::any_of(text.begin(), text.end(), bad)) {
        return "has a line break or another control character";
    }
    if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.front() == '\t' ||
        text.back() == '\t') {
        return "must not be empty, nor begin or end with white space";
    }
    return {};
}

namespace {

// JSON's own grammar for numbers; YAML knows more forms (0x10, +1, .5, .inf).
bool is_json_number(std::string_view text) {
    const auto digits = [&] {
        std::size_t n = 0;
        while (n < text.size() && text[n] >= '0' && text[n] <= '9') ++n;
        return n;
    };
    if (text.starts_with('-')) text.remove_prefix(1);
    const std::size_t whole = digits();
    if (whole == 0 || (whole > 1 && text.front() == '0')) return false;
    text.remove_prefix(whole);
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        const std::size_t fraction = digits();
        if (fraction == 0) return false;
        text.remove_prefix(fraction);
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
        const std::size_t exponent = digits();
        if (exponent == 0) return false;
        text.remove_prefix(exponent);
    }
    return text.empty();
}

// A number to a YAML reader that JSON cannot say.
bool is_yaml_only_number(std::string_view text) {
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    const std::string small = lower(text);
    if (small == ".inf" || small == ".nan") return true;
    if (small.starts_with("0x") || small.starts_with("0o")) {
        const char* end = small.data() + small.size();
        unsigned long value = 0;
        const int base = small[1] == 'x' ? 16 : 8;
        return small.size() > 2 && std::from_chars(small.data() + 2, end, value, base).ptr == end;
    }
    double value = 0;
    const char* end = small.data() + small.size();
    const bool numeric =
        !small.empty() && (small.front() == '.' || (small.front() >= '0' && small.front() <= '9'));
    return numeric && std::from_chars(small.data(), end, value).ptr == end;
}

std::string quote_json(const std::string& text) {
    return nlohmann::json(text).dump();
}

std::string scalar_json(const Value& value) {
    const Element& node = value.node();
    if (!node.plain) return quote_json(node.text);
    if (node.text == "true" || node.text == "false" || is_json_number(node.text)) return node.text;
    if (is_yaml_only_number(node.text)) {
        value.problem(value.shown() +
                      " is not a number in JSON; write it in decimal, or quote it to send text");
    }
    return quote_json(node.text);
}

// The JSON text of a YAML value, in the order of the file. The document bounds the recursion.
std::string to_json(const Value& value) {
    switch (value.node().kind) {
        case Element::Kind::null:
            return "null";
        case Element::Kind::scalar:
            return scalar_json(value);
        case Element::Kind::list: {
            std::string out = "[";
            for (const Value& item : value.items("values")) {
                if (out.size() > 1) out += ',';
                out += to_json(item);
            }
            return out + "]";
        }
        case Element::Kind::map: {
            std::string out = "{";
            for (const auto& [member, item] : value.members("a map")) {
                if (out.size() > 1) out += ',';
                out += quote_json(member->key) + ":" + to_json(item);
            }
            return out + "}";
        }
    }
    return {};
}

// Whether `name` may be changed; a problem otherwise.
bool changeable(const Value& value, std::string_view name) {
    if (name.empty()) {
        value.problem("names no member of the body");
        return false;
    }
    const std::string_view why = reserved_member(name);
    if (why.empty()) return true;
    value.problem(in_quotes(name) + " cannot be changed here: " + std::string(why));
    return false;
}

void read_drop(const Value& drop, wire::BodyRewrite& body) {
    for (const Value& item : drop.items("names of top-level members")) {
        const std::string* name = item.text("the name of a member");
        if (name == nullptr || !changeable(item, *name)) continue;
        if (std::find(body.drop.begin(), body.drop.end(), *name) != body.drop.end()) {
            item.problem(item.shown() + " is listed twice");
            continue;
        }
        body.drop.push_back(*name);
    }
}

void read_rename(const Value& rename, wire::BodyRewrite& body) {
    for (const auto& [member, value] : rename.members("a map from old to new member names")) {
        const std::string* to = value.text("the new name of the member");
        if (to == nullptr || !changeable(value, member->key) || !changeable(value, *to)) continue;
        const auto same_target = [&](const auto& pair) { return pair.second == *to; };
        if (*to == member->key) {
            value.problem("renames " + value.shown() + " to itself");
        } else if (std::any_of(body.rename.begin(), body.rename.end(), same_target)) {
            value.problem("another member is already renamed to " + value.shown());
        } else {
            body.rename.emplace_back(member->key, *to);
        }
    }
}

void read_set(const Value& set, wire::BodyRewrite& body) {
    for (const auto& [member, value] : set.members("a map of members and their values")) {
        if (!changeable(value, member->key)) continue;
        if (std::find(body.drop.begin(), body.drop.end(), member->key) != body.drop.end()) {
            value.problem("the same member is in `drop`; keep one of the two");
            continue;
        }
        body.set.emplace_back(member->key, to_json(value));
    }
}

}  // namespace

void read_headers(const Value& headers, bool has_api_key, Upstream& upstream) {
    for (const auto& [member, value] : headers.members("a map of header names and values")) {
        const std::string name = lower(member->key);
        if (!is_token(member->key)) {
            value.problem("is not a header name");
            continue;
        }
        if (is_refused_header(name)) {
            value.problem("cannot be set: Understudy decides this header for every request itself");
            continue;
        }
        if (name == "authorization" && has_api_key) {
            value.problem("api_key already sets this header; remove one of the two");
            continue;
        }
        const auto same = [&](const HeaderSetting& other) { return lower(other.name) == name; };
        if (std::any_of(upstream.headers.begin(), upstream.headers.end(), same)) {
            value.problem("this header is given twice (names differ only in case)");
            continue;
        }
        const std::string* text = value.text("the header's value");
        if (text == nullptr) continue;
        if (const auto why = header_value_problem(*text); !why.empty()) {
            value.problem(std::string(why));
        } else if (is_credential_header(name)) {
            auto none = credential_problem(without_scheme(*text));
            if (none) value.problem(std::move(*none));
        } else if (auto unfilled = template_problem(*text)) {
            value.problem(std::move(*unfilled));
        }
        upstream.headers.push_back({member->key, Secret(*text)});
    }
}

void read_body(const Value& value, wire::BodyRewrite& body) {
    const Section section(value, body_keys(), "a map with set, drop and rename");
    if (const auto drop = section.get("drop")) read_drop(*drop, body);
    if (const auto rename = section.get("rename")) read_rename(*rename, body);
    if (const auto set = section.get("set")) read_set(*set, body);
}

}  // namespace understudy::config
