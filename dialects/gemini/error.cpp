#include "dialects/gemini/error.hpp"

#include "dialects/value.hpp"

namespace understudy::dialects::gemini {
namespace {

/// As reasons are written there: capitals, digits and '_'.
std::string reason_of(std::string_view code) {
    std::string reason;
    for (const char c : code) {
        const bool lower = c >= 'a' && c <= 'z';
        const bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        reason += lower ? static_cast<char>(c & ~0x20) : plain ? c : '_';
    }
    return reason;
}

}  // namespace

std::string write_error(const wire::ErrorFacts& error, const wire::ErrorCause& cause) {
    const auto& reason = error.code.empty() ? error.type : error.code;
    std::string out;
    Writer to(out);
    to.open('{').key("error").open('{').key("code").number(cause.status);
    to.key("message").text(error.message).key("status").text(cause.google());
    // A number repeats the status.
    const bool number = reason.find_first_not_of("0123456789") == std::string::npos;
    if (!number && !cause.of_key) {
        to.key("details").open('[').open('{');
        to.key("@type").text("type.googleapis.com/google.rpc.ErrorInfo");
        to.key("reason").text(reason_of(reason)).key("domain").text("understudy");
        to.close('}').close(']');
    }
    to.close('}').close('}');
    return out;
}

}  // namespace understudy::dialects::gemini
