#include "dialects/chat/error.hpp"

#include "dialects/value.hpp"

#include <algorithm>
#include <string_view>

namespace understudy::dialects::chat {
namespace {

/// As OpenAI writes its codes. Those of Google are in capitals, Amazon's in camel case, and a
/// number repeats the status.
bool is_openai_word(std::string_view word) {
    const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
    return std::any_of(word.begin(), word.end(), letter) &&
           std::all_of(word.begin(), word.end(), [&](char c) {
               return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
           });
}

/// Ours, of an error that nobody could read.
constexpr std::string_view kUnread = "upstream_error";

}  // namespace

std::string write_error(const wire::ErrorFacts& error, const wire::ErrorCause& cause) {
    const auto& words = cause.words();
    // Others have no codes in words, so that such an error is OpenAI's with all that it has.
    const bool own = !cause.of_key && is_openai_word(error.code);
    const bool own_type = error.type == kUnread || (own && is_openai_word(error.type));
    const std::string_view code = own ? std::string_view(error.code) : words.openai_code;
    std::string out;
    Writer to(out);
    to.open('{').key("error").open('{').key("message").text(error.message);
    to.key("type").text(own_type ? std::string_view(error.type) : words.openai_type);
    to.key("param").text_or_null(error.param).key("code").text_or_null(code);
    to.close('}').close('}');
    return out;
}

}  // namespace understudy::dialects::chat
