#include "dialects/responses/error.hpp"

#include <algorithm>
#include <array>

namespace understudy::dialects::responses {
namespace {

/// Codes of OpenAI's own that mean what they say.
constexpr std::array<std::string_view, 21> kOwn{
    "server_error",
    "invalid_prompt",
    "data_residency_mismatch",
    "bio_policy",
    "vector_store_timeout",
    "invalid_image",
    "invalid_image_format",
    "invalid_base64_image",
    "invalid_image_url",
    "image_too_large",
    "image_too_small",
    "image_parse_error",
    "image_content_policy_violation",
    "invalid_image_mode",
    "image_file_too_large",
    "unsupported_image_media_type",
    "empty_image_file",
    "failed_to_download_image",
    "image_file_not_found",
    "credit_balance_exhausted",
    "slow_down",
};

}  // namespace

std::string_view code_of(const wire::ErrorFacts& error, const wire::ErrorCause& cause) {
    using enum wire::ErrorKind;
    if (std::find(kOwn.begin(), kOwn.end(), error.code) != kOwn.end())
        return *std::find(kOwn.begin(), kOwn.end(), error.code);
    switch (cause.kind) {
        case bad_request:
        case too_large:
        case content_filter:
            return "invalid_prompt";
        case conflict:
        case timeout:
        case server:
            return "server_error";
        default:
            return cause.words().openai_code;
    }
}

std::string_view type_of(std::string_view code) {
    if (code == "rate_limit_exceeded" || code == "slow_down") return "rate_limit_error";
    if (code == "insufficient_quota" || code == "credit_balance_exhausted") {
        return "insufficient_quota";
    }
    if (code == "server_is_overloaded") return "service_unavailable_error";
    if (code == "server_error" || code == "vector_store_timeout") return "server_error";
    return "invalid_request_error";
}

void write_error_object(const wire::ErrorFacts& error, const wire::ErrorCause& cause, Writer& to) {
    const auto code = code_of(error, cause);
    to.open('{').key("message").text(error.message).key("type").text(type_of(code));
    to.key("param").text_or_null(error.param).key("code").text_or_null(code).close('}');
}

std::string write_error(const wire::ErrorFacts& error, const wire::ErrorCause& cause) {
    std::string out;
    Writer to(out);
    to.open('{').key("error");
    write_error_object(error, cause, to);
    to.close('}');
    return out;
}

}  // namespace understudy::dialects::responses
