#include "sink/answers.hpp"

#include "common/event_clock.hpp"

#include <cstdio>
#include <stdexcept>

namespace understudy::bench {
namespace {

std::string whole(std::string_view status, std::string_view body) {
    std::string answer = "HTTP/1.1 ";
    answer += status;
    answer += "\r\nContent-Type: application/json\r\nx-request-id: req_bench\r\nContent-Length: ";
    answer += std::to_string(body.size());
    answer += "\r\n\r\n";
    answer += body;
    return answer;
}

std::string chunk(std::string_view payload) {
    char size[20];
    const int n = std::snprintf(size, sizeof size, "%zx\r\n", payload.size());
    return std::string(size, static_cast<std::size_t>(n)).append(payload).append("\r\n");
}

std::string plain_body() {
    const std::string before =
        R"({"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench",)"
        R"("choices":[{"index":0,"message":{"role":"assistant","content":")";
    const std::string after =
        R"("},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":512,)"
        R"("completion_tokens":128,"total_tokens":640,"prompt_tokens_details":{"cached_tokens":256}}})";
    const std::string word = "lorem ipsum ";
    std::string text;
    for (std::size_t left = kPlainBodyBytes - before.size() - after.size(); text.size() < left;)
        text += word[text.size() % word.size()];
    return before + text + after;
}

constexpr std::string_view kEventPrefix =
    R"(data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":")";

std::string role_event() {
    return "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
           "\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":"
           "{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
}

std::string finish_event() {
    return "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
           "\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{},"
           "\"finish_reason\":\"stop\"}]}\n\n";
}

std::string usage_event() {
    return "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
           "\"created\":1700000000,\"model\":\"bench\",\"choices\":[],\"usage\":"
           "{\"prompt_tokens\":512,\"completion_tokens\":128,\"total_tokens\":640}}\n\n";
}

}  // namespace

Answers::Answers()
    : plain_(whole("200 OK", plain_body())),
      failure_(whole("503 Service Unavailable",
                     R"({"error":{"message":"overloaded","type":"server_error","code":null}})")),
      models_(whole("200 OK", R"({"object":"list","data":[{"id":"bench","object":"model"}]})")),
      refusal_("HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") {
    std::string event(kEventPrefix);
    event.append(kStampDigits, '0').append("\"}}]}\n\n");
    if (event.size() != kEventBytes) throw std::logic_error("an event must be 100 bytes");
    event_ = chunk(event);
    stamp_at_ = event_.find('\n') + 1 + kEventPrefix.size();
    stream_start_ =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
        "x-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n" +
        chunk(role_event());
    const std::string last = chunk("data: [DONE]\n\n") + "0\r\n\r\n";
    end_ = chunk(finish_event()) + last;
    end_with_usage_ = chunk(finish_event()) + chunk(usage_event()) + last;
}

std::string_view Answers::event(std::uint64_t ns) {
    write_stamp(event_.data() + stamp_at_, ns);
    return event_;
}

}  // namespace understudy::bench
