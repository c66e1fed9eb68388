#include "config/credential.hpp"

#include "config/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace understudy::config {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kUsualName = "OPENAI_API_KEY";  // where none can be told

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view trim(std::string_view text) {
    const std::size_t from = text.find_first_not_of(kBlanks);
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

bool is_variable(std::string_view name) {
    return !name.empty() && name.size() <= 128 && !is_digit(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

bool is_all_capitals(std::string_view name) {
    return lower(name) != name &&
           std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

// The name in `[NAME]`, `.get("NAME")`, `env.NAME`, `/NAME` and the like: the first in capitals, as
// variables are written, else the last; empty if there is none.
std::string_view name_within(std::string_view text) {
    const auto in_name = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
    std::string_view last;
    while (!text.empty()) {
        const auto from = std::find_if(text.begin(), text.end(), in_name);
        const auto to = std::find_if_not(from, text.end(), in_name);
        const auto name = text.substr(static_cast<std::size_t>(from - text.begin()),
                                      static_cast<std::size_t>(to - from));
        text.remove_prefix(static_cast<std::size_t>(to - text.begin()));
        if (!is_variable(name)) continue;
        if (is_all_capitals(name)) return name;
        last = name;
    }
    return last;
}

std::string use_variable(std::string_view what, std::string_view name) {
    const std::string shown(name.empty() ? kUsualName : name);
    return std::string(what) + " and would be sent as it stands; write ${" + shown +
           "} to read the environment variable";
}

std::string use_file(std::string_view path) {
    return "names a file and would be sent as it stands; write ${file:" +
           std::string(path.substr(0, 200)) + "} to read it";
}

// How other programs write "the value of this variable". What follows is the name.
constexpr std::array<std::string_view, 14> kVariablePrefixes{
    "$env:", "os.environ/", "os.environ", "os.getenv", "process.env", "import.meta.env", "env:",
    "env/",  "env.",        "env[",       "env(",      "getenv(",     "environment:",    "!env"};

// Secret stores that other programs ask; what follows is a path there.
constexpr std::array<std::string_view, 10> kStorePrefixes{
    "op://",        "vault:",  "aws-sm:",    "arn:aws:secretsmanager:",
    "arn:aws:ssm:", "gcp-sm:", "secretref:", "keyring:",
    "ssm:/",        "enc[aes"};  // sops: encrypted in the file

// Pairs that stand around a name to be replaced, by a template or by hand.
struct Around {
    std::string_view open, close;
};
constexpr std::array kTemplates{Around{"{{", "}}"}, Around{"${", "}"},  Around{"$(", ")"},
                                Around{"$[", "]"},  Around{"<%", "%>"}, Around{"%(", ")s"},
                                Around{"{", "}"},   Around{"@{", "}"},  Around{"#{", "}"}};
constexpr std::array kBlanksToFill{Around{"<", ">"}, Around{"[", "]"}, Around{"__", "__"}};

bool within(std::string_view text, const Around& around) {
    return text.size() > around.open.size() + around.close.size() &&
           text.starts_with(around.open) && text.ends_with(around.close);
}

std::optional<std::string> quoted(std::string_view text) {
    constexpr std::string_view kQuotes = "\"'`";
    const bool first = kQuotes.find(text.front()) != std::string_view::npos;
    const bool last = kQuotes.find(text.back()) != std::string_view::npos;
    if (!first && !last) return std::nullopt;
    return std::string(
        "begins or ends with a quotation mark that belongs to the value; take the quotes away "
        "where the value is set (files of variables for containers keep them), and use one pair "
        "at most here: api_key: ${OPENAI_API_KEY}");
}

std::optional<std::string> reference(std::string_view text) {
    const std::string small = lower(text);
    for (const std::string_view prefix : kVariablePrefixes) {
        if (small.size() == prefix.size() || !small.starts_with(prefix)) continue;
        return use_variable("is another program's form of a reference",
                            name_within(text.substr(prefix.size())));
    }
    // $NAME, and $NAME} where the other brace was forgotten.
    const std::size_t end = text.find_last_not_of("})] ");
    if (text.front() == '$' && is_variable(text.substr(1, end))) {
        return use_variable("is a reference without its braces", text.substr(1, end));
    }
    if (text.starts_with("${")) {
        return use_variable("is a reference that is not closed", name_within(text.substr(2)));
    }
    if (within(text, {"%", "%"}) && is_variable(text.substr(1, text.size() - 2))) {
        return use_variable("is a reference in the form of Windows",
                            text.substr(1, text.size() - 2));
    }
    for (const Around& around : kTemplates) {
        if (!within(text, around)) continue;
        const auto inner =
            text.substr(around.open.size(), text.size() - around.open.size() - around.close.size());
        return use_variable("is a template that nothing fills in", name_within(inner));
    }
    return std::nullopt;
}

std::optional<std::string> elsewhere(std::string_view text) {
    const std::string small = lower(text);
    for (const std::string_view prefix : {"file://", "file:", "@"}) {
        const std::string_view path = text.substr(std::min(text.size(), prefix.size()));
        const bool absolute = path.starts_with('/') || path.starts_with("~/");
        if (small.starts_with(prefix) && (absolute || prefix == "file:")) return use_file(path);
    }
    for (const std::string_view root : {"/run/", "/etc/", "/var/", "/home/", "/secrets/", "~/"}) {
        if (text.starts_with(root)) return use_file(text);
    }
    for (const std::string_view prefix : kStorePrefixes) {
        if (!small.starts_with(prefix)) continue;
        return std::string(
            "points into a secret store that this program does not ask; let it fill "
            "a variable or a file, and write ${OPENAI_API_KEY} or "
            "${file:/run/secrets/openai}");
    }
    return std::nullopt;
}

// OPENAI_API_KEY by itself (YOUR_API_KEY is a placeholder, asked for first): capitals, and a last
// word that says what it holds.
bool is_name_of_secret(std::string_view text) {
    if (!is_variable(text) || lower(text) == text) return false;
    if (std::any_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; })) {
        return false;
    }
    return std::any_of(text.begin(), text.end(), [](char c) { return c == '_'; }) &&
           (text.ends_with("_KEY") || text.ends_with("_TOKEN") || text.ends_with("_SECRET"));
}

// Only what documentation and templates put where a key goes. Words that servers without keys are
// given ("none", "dummy", "EMPTY", "ollama") are not among them.
bool is_placeholder(std::string_view text) {
    if (text.find("...") != std::string_view::npos) return true;
    if (text.find("\u2026") != std::string_view::npos) return true;
    if (text.find("***") != std::string_view::npos) return true;  // masked on a web page
    std::string letters;
    for (const char c : text) {
        if (is_letter(c) || is_digit(c)) letters += lower(std::string_view(&c, 1));
    }
    if (letters.empty()) return true;  // ----, ****, ????
    const auto has = [&](std::string_view word) { return letters.find(word) != std::string::npos; };
    for (const std::string_view word :
         {"replaceme", "replacethis", "replacewith", "fillmein", "fillthisin", "placeholder",
          "insertkey", "insertyour", "enteryour", "pasteyour", "putyour", "addyour", "keygoeshere",
          "keyhere", "tokenhere", "redacted"}) {
        if (has(word)) return true;
    }
    if ((has("your") || letters.starts_with("my")) && (has("apikey") || has("secretkey"))) {
        return true;
    }
    if (letters.starts_with("your") && (has("key") || has("token") || has("secret"))) return true;
    for (const std::string_view word :
         {"changeme", "todo", "fixme", "tbd", "apikey", "secretkey", "sk"}) {
        if (letters == word) return true;
    }
    // sk-xxxxxxxx: one character all along, behind a prefix or alone.
    const std::size_t last = text.find_last_of("-_");
    const std::string_view tail = last == std::string_view::npos ? text : text.substr(last + 1);
    return tail.size() >= 3 && (tail.front() == 'x' || tail.front() == 'X') &&
           tail.find_first_not_of(tail.front()) == std::string_view::npos;
}

}  // namespace

std::optional<std::string> template_problem(std::string_view text) {
    const std::size_t open = text.find("{{");
    const std::size_t close = text.find("}}", open == std::string_view::npos ? 0 : open);
    if (open != std::string_view::npos && close != std::string_view::npos) {
        return use_variable("holds a template that nothing fills in",
                            name_within(text.substr(open, close - open)));
    }
    text = trim(text);
    if (!within(text, {"%", "%"}) || !is_variable(text.substr(1, text.size() - 2)))
        return std::nullopt;
    return use_variable("is a reference in the form of Windows", text.substr(1, text.size() - 2));
}

std::optional<std::string> credential_problem(std::string_view text) {
    text = trim(text);
    if (text.empty()) return std::nullopt;  // another rule's
    if (auto why = quoted(text)) return why;
    if (auto why = reference(text)) return why;
    if (auto why = elsewhere(text)) return why;
    const bool blank = std::any_of(kBlanksToFill.begin(), kBlanksToFill.end(),
                                   [&](const Around& around) { return within(text, around); });
    if (blank || is_placeholder(text)) {
        return std::string(
            "is a placeholder, not a key; put the key into a variable and write "
            "${OPENAI_API_KEY} (with that variable's name)");
    }
    if (is_name_of_secret(text)) return use_variable("is the name of a variable", text);
    if (without_scheme(text) != text) {
        return std::string(
            "begins with the word that goes before a key; it is added by itself, so "
            "give the key alone: ${OPENAI_API_KEY}");
    }
    return std::nullopt;
}

bool is_credential_header(std::string_view name) {
    const std::string small = lower(name);
    for (const std::string_view word :
         {"authorization", "key", "token", "secret", "password", "cookie", "credential"}) {
        if (small.find(word) != std::string::npos) return true;
    }
    return false;
}

std::string_view without_scheme(std::string_view value) {
    const std::string small = lower(value);
    for (const std::string_view scheme : {"bearer ", "token ", "basic ", "api-key ", "apikey "}) {
        if (small.starts_with(scheme)) return trim(value.substr(scheme.size()));
    }
    return value;
}

}  // namespace understudy::config
