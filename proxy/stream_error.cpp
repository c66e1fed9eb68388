#include "proxy/stream_error.hpp"

#include "wire/json_scan.hpp"

namespace understudy::proxy {

namespace {

std::string error_object(const std::string& message) {
    return "{\"message\":" + message +
           R"(,"type":"understudy_error","param":null,"code":"stream_interrupted"})";
}

std::string responses_events(const std::string& message, std::uint64_t next) {
    return "event: error\ndata: {\"type\":\"error\",\"sequence_number\":" + std::to_string(next) +
           ",\"code\":\"stream_interrupted\",\"message\":" + message +
           ",\"param\":null,\"error\":" + error_object(message) +
           "}\n\nevent: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":" +
           std::to_string(next + 1) +
           R"(,"response":{"object":"response","status":"failed","output":[],"error":{"code":)"
           R"("stream_interrupted","message":)" +
           message + "}}}\n\n";
}

}  // namespace

std::string stream_error_event(wire::AnswerShape shape, std::string_view message,
                               std::uint64_t events) {
    const auto quoted = wire::encode_string(message);
    if (shape == wire::AnswerShape::responses) return responses_events(quoted, events);
    return "data: {\"error\":" + error_object(quoted) + "}\n\n";
}

}  // namespace understudy::proxy
