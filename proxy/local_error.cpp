#include "proxy/local_error.hpp"

#include "wire/json_scan.hpp"

#include <boost/beast/http/status.hpp>

namespace understudy::proxy {

namespace {

std::string openai_shape(const LocalError& error) {
    std::string out = "{\"error\":{\"message\":" + wire::encode_string(error.message);
    out += ",\"type\":\"understudy_error\",\"param\":";
    out += error.param.empty() ? std::string("null") : wire::encode_string(error.param);
    out += ",\"code\":" + wire::encode_string(error.code) + "}}";
    return out;
}

// https://docs.anthropic.com/en/api/errors
std::string anthropic_shape(const LocalError& error, std::string_view request_id) {
    const bool missing = error.status == 404;
    std::string out = "{\"type\":\"error\",\"error\":{\"type\":\"";
    out += missing ? "not_found_error" : error.status < 500 ? "invalid_request_error" : "api_error";
    out += "\",\"message\":" + wire::encode_string(error.message) + "},\"request_id\":";
    out += request_id.empty() ? std::string("null") : wire::encode_string(request_id);
    return out + '}';
}

// google.rpc.Status as JSON: https://cloud.google.com/apis/design/errors
std::string google_shape(const LocalError& error) {
    const bool missing = error.status == 404;
    std::string out = "{\"error\":{\"code\":" + std::to_string(error.status);
    out += ",\"message\":" + wire::encode_string(error.message) + ",\"status\":\"";
    out += missing ? "NOT_FOUND" : error.status < 500 ? "INVALID_ARGUMENT" : "UNAVAILABLE";
    return out + "\",\"details\":[]}}";
}

}  // namespace

LocalError overloaded(std::string message) {
    LocalError error(503, "overloaded", std::move(message));
    error.retry_after = std::chrono::seconds(1);
    return error;
}

LocalError out_of_memory() {
    return overloaded("Out of buffer memory (limits.memory); try again.");
}

LocalError out_of_places() {
    return overloaded("Too many client connections (limits.connections); try again.");
}

std::string to_json(const LocalError& error, std::string_view request_id) {
    switch (error.shape) {
        case ErrorShape::anthropic:
            return anthropic_shape(error, request_id);
        case ErrorShape::google:
            return google_shape(error);
        case ErrorShape::openai:
            break;
    }
    return openai_shape(error);
}

std::string_view reason_phrase(unsigned status) {
    namespace http = boost::beast::http;
    const auto known = http::int_to_status(status);
    return known == http::status::unknown ? "Error"
                                          : std::string_view(http::obsolete_reason(known));
}

}  // namespace understudy::proxy
