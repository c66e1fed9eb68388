#include "config/references.hpp"

#include "config/files.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

namespace understudy::config {
namespace {

constexpr std::size_t kMaxFileBytes = 64U << 10U;     // of a ${file:...}: a secret, not a data set
constexpr std::size_t kMaxResolvedBytes = 4U << 20U;  // of all references together
constexpr std::size_t kMaxReferences = 10'000;

bool is_variable_name(std::string_view name) {
    const auto letter = [](char c) {
        return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    return !name.empty() && letter(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

class Resolver {
  public:
    Resolver(std::string file, const Environment& env, std::vector<Problem>& problems)
        : file_(std::move(file)), directory_(directory_of(file_)), env_(env), problems_(problems) {}

    void walk(Element& node, const std::string& path) {
        if (node.kind == Element::Kind::scalar) resolve(node, path);
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            walk(node.items[i], path + "[" + std::to_string(i) + "]");
        }
        for (Member& member : node.members) {
            walk(member.value, path.empty() ? member.key : path + "." + member.key);
        }
    }

  private:
    // The value keeps its text but is not judged any further.
    void problem(Element& node, const std::string& path, std::string message) {
        node.broken = true;
        problems_.push_back({file_, node.mark.line, node.mark.column, path, std::move(message)});
    }

    void resolve(Element& node, const std::string& path) {
        if (node.text.find('$') == std::string::npos) return;
        std::string out;
        std::string_view rest = node.text;
        bool referenced = false;
        while (!rest.empty()) {
            const std::size_t dollar = rest.find('$');
            out += rest.substr(0, dollar);
            if (dollar == std::string_view::npos) break;
            rest.remove_prefix(dollar + 1);
            if (rest.starts_with('$')) {
                out += '$';
                rest.remove_prefix(1);
            } else if (rest.starts_with('{')) {
                const std::size_t end = rest.find('}');
                if (end == std::string_view::npos) {
                    problem(node, path,
                            "a ${ has no closing }; write ${NAME}, or $$ for a dollar sign");
                    return;
                }
                const auto value = look_up(node, path, rest.substr(1, end - 1));
                if (!value) return;
                out += *value;
                referenced = true;
                rest.remove_prefix(end + 1);
            } else {
                out += '$';
            }
        }
        if (!is_utf8(out)) {
            problem(node, path, "the value of " + in_quotes(node.text) + " is not UTF-8 text");
            return;
        }
        node.written = std::move(node.text);
        node.text = std::move(out);
        node.referenced = referenced;
    }

    std::optional<std::string> look_up(Element& node, const std::string& path,
                                       std::string_view reference) {
        if (++references_ > kMaxReferences || resolved_bytes_ > kMaxResolvedBytes) {
            if (!exceeded_) problem(node, path, "the document has too many references");
            node.broken = exceeded_ = true;
            return std::nullopt;
        }
        auto value = reference.starts_with("file:")
                         ? file_text(node, path, std::string(reference.substr(5)))
                         : variable(node, path, reference);
        if (value) resolved_bytes_ += value->size();
        return value;
    }

    std::optional<std::string> variable(Element& node, const std::string& path,
                                        std::string_view reference) {
        const std::size_t mark = reference.find(":-");
        const std::string_view name = reference.substr(0, mark);
        if (!is_variable_name(name)) {
            // What stands between the braces is not repeated: it may be a pasted key.
            problem(node, path,
                    "a reference must be ${NAME}, ${NAME:-default} or ${file:/path}; write $$ for "
                    "a dollar sign");
            return std::nullopt;
        }
        auto value = env_(name);
        if (mark != std::string_view::npos) {
            // As in a shell, :- also replaces an empty value.
            return value && !value->empty() ? *value : std::string(reference.substr(mark + 2));
        }
        if (!value) {
            const std::string variable(name);
            problem(node, path,
                    "the environment variable " + variable + " is not set; set it, or write ${" +
                        variable + ":-default}");
        }
        return value;
    }

    std::optional<std::string> file_text(Element& node, const std::string& path,
                                         const std::string& name) {
        if (name.empty()) {
            problem(node, path, "${file:} needs a path: ${file:/run/secrets/name}");
            return std::nullopt;
        }
        FileText file = read_file(resolve_path(name, directory_, env_), kMaxFileBytes);
        if (!file.text) {
            problem(node, path, "the file " + in_quotes(name) + " " + file.error);
            return std::nullopt;
        }
        // Editors and `echo` end a file with a newline that is not part of the secret.
        if (file.text->ends_with('\n')) file.text->pop_back();
        if (file.text->ends_with('\r')) file.text->pop_back();
        return std::move(file.text);
    }

    std::string file_;
    std::string directory_;
    const Environment& env_;
    std::vector<Problem>& problems_;
    std::size_t references_ = 0;
    std::size_t resolved_bytes_ = 0;
    bool exceeded_ = false;
};

}  // namespace

void resolve_references(Element& root, const std::string& file, const Environment& env,
                        std::vector<Problem>& problems) {
    Resolver(file, env, problems).walk(root, "");
}

}  // namespace understudy::config
