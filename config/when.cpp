#include "config/when.hpp"

#include "config/config.hpp"

namespace understudy::config {
namespace {

std::string word(bool wanted) {
    return wanted ? "true" : "false";
}

// The condition on one header. A field that comes twice fulfils it if one of them does.
bool header_holds(const std::pair<std::string, std::string>& header, const wire::Fields& fields) {
    for (const auto& field : fields) {
        if (wire::iequals(field.name, header.first) && glob_match(header.second, field.value)) {
            return true;
        }
    }
    return false;
}

}  // namespace

bool holds(const When& when, const wire::RequestContent& content, const wire::Fields& fields) {
    if (when.images && *when.images != content.images) return false;
    if (when.tools && *when.tools != content.tools) return false;
    if (when.prompt_tokens_over && content.prompt_tokens <= *when.prompt_tokens_over) return false;
    for (const auto& header : when.headers) {
        if (!header_holds(header, fields)) return false;
    }
    return true;
}

std::optional<std::string> unmet(const When& when, const wire::RequestContent& content,
                                 const wire::Fields& fields) {
    if (when.images && *when.images != content.images) {
        return "images: " + word(*when.images) +
               (content.images ? ", but there are some" : ", but there are none");
    }
    if (when.tools && *when.tools != content.tools) {
        return "tools: " + word(*when.tools) +
               (content.tools ? ", but there are some" : ", but there are none");
    }
    if (when.prompt_tokens_over && content.prompt_tokens <= *when.prompt_tokens_over) {
        return "prompt_tokens_over: " + std::to_string(*when.prompt_tokens_over) +
               ", but the prompt has about " + std::to_string(content.prompt_tokens);
    }
    for (const auto& header : when.headers) {
        if (header_holds(header, fields)) continue;
        const auto sent = fields.find(header.first);
        return "header " + header.first + ": " + header.second +
               (sent.data() == nullptr ? ", but it was not sent" : ", but it says something else");
    }
    return std::nullopt;
}

std::string text_of(const When& when) {
    std::string out;
    const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
    if (when.images) add(*when.images ? "images" : "no images");
    if (when.tools) add(*when.tools ? "tools" : "no tools");
    if (when.prompt_tokens_over) {
        add("over " + std::to_string(*when.prompt_tokens_over) + " prompt tokens");
    }
    for (const auto& [name, glob] : when.headers) add(name + ": " + glob);
    return out;
}

}  // namespace understudy::config
