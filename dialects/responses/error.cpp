#include "dialects/responses/error.hpp"

#include <array>
#include <utility>

namespace understudy::dialects::responses {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

/// Words of OpenAI, Anthropic, Google and Amazon, and of HTTP, by what they mean.
constexpr std::array kCodes{
    Pair{"rate_limit_exceeded", "rate_limit_exceeded"},
    Pair{"rate_limit_error", "rate_limit_exceeded"},
    Pair{"RESOURCE_EXHAUSTED", "rate_limit_exceeded"},
    Pair{"ThrottlingException", "rate_limit_exceeded"},
    Pair{"throttlingException", "rate_limit_exceeded"},
    Pair{"429", "rate_limit_exceeded"},
    Pair{"insufficient_quota", "insufficient_quota"},
    Pair{"billing_error", "insufficient_quota"},
    Pair{"402", "insufficient_quota"},
    Pair{"server_is_overloaded", "server_is_overloaded"},
    Pair{"service_unavailable_error", "server_is_overloaded"},
    Pair{"overloaded_error", "server_is_overloaded"},
    Pair{"UNAVAILABLE", "server_is_overloaded"},
    Pair{"serviceUnavailableException", "server_is_overloaded"},
    Pair{"503", "server_is_overloaded"},
    Pair{"529", "server_is_overloaded"},
    Pair{"context_length_exceeded", "context_length_exceeded"},
    Pair{"content_filter", "invalid_prompt"},
    Pair{"invalid_request_error", "invalid_prompt"},
    Pair{"INVALID_ARGUMENT", "invalid_prompt"},
    Pair{"FAILED_PRECONDITION", "invalid_prompt"},
    Pair{"ValidationException", "invalid_prompt"},
    Pair{"validationException", "invalid_prompt"},
    Pair{"request_too_large", "invalid_prompt"},
    Pair{"400", "invalid_prompt"},
    Pair{"413", "invalid_prompt"},
    Pair{"422", "invalid_prompt"},
};

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

std::string_view meaning_of(std::string_view word) {
    for (const auto& [said, code] : kCodes) {
        if (said == word) return code;
    }
    for (const auto own : kOwn) {
        if (own == word) return own;
    }
    return {};
}

void text_or_null(std::string_view text, Writer& to) {
    if (text.empty()) {
        to.null();
    } else {
        to.text(text);
    }
}

}  // namespace

std::string_view code_of(const wire::ErrorFacts& error) {
    // A name says more than a number, wherever it stands.
    const bool number = error.code.find_first_not_of("0123456789") == std::string::npos;
    const std::string_view first = number ? error.type : error.code;
    const std::string_view second = number ? error.code : error.type;
    if (const auto code = meaning_of(first); !code.empty()) return code;
    if (const auto code = meaning_of(second); !code.empty()) return code;
    return "server_error";
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

void write_error_object(const wire::ErrorFacts& error, Writer& to) {
    const auto code = code_of(error);
    to.open('{').key("message").text(error.message).key("type").text(type_of(code)).key("param");
    text_or_null(error.param, to);
    to.key("code").text(code).close('}');
}

std::string write_error(const wire::ErrorFacts& error, unsigned status) {
    auto facts = error;
    if (facts.code.empty() && facts.type.empty() && status != 0)
        facts.code = std::to_string(status);
    std::string out;
    Writer to(out);
    to.open('{').key("error");
    write_error_object(facts, to);
    to.close('}');
    return out;
}

}  // namespace understudy::dialects::responses
