#include "mock/amazon.hpp"

#include "mock/shapes.hpp"

#include <zlib.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::mock::amazon {
namespace {

// Of thoughts, as nobody else would write one.
constexpr std::string_view kSignature = "RXFNb2NrT2ZCZWRyb2Nr";

void append_number(std::string& out, std::uint32_t number, int bytes = 4) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        out += static_cast<char>(number >> shift & 0xFF);
}

void append_checksum(std::string& out) {
    const auto* bytes = reinterpret_cast<const Bytef*>(out.data());
    append_number(out, static_cast<std::uint32_t>(crc32(0, bytes, static_cast<uInt>(out.size()))));
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
    constexpr char kString = 7;
    out += static_cast<char>(name.size());
    out += name;
    out += kString;
    append_number(out, static_cast<std::uint32_t>(value.size()), 2);
    out += value;
}

/// Lengths, their checksum, headers, payload, the checksum of all of it.
std::string message(std::string_view kind, std::string_view type_name, std::string_view type,
                    std::string_view payload) {
    constexpr std::size_t kFrame = 16;
    std::string headers;
    append_header(headers, type_name, type);
    append_header(headers, ":content-type", "application/json");
    append_header(headers, ":message-type", kind);
    std::string out;
    out.reserve(kFrame + headers.size() + payload.size());
    append_number(out, static_cast<std::uint32_t>(kFrame + headers.size() + payload.size()));
    append_number(out, static_cast<std::uint32_t>(headers.size()));
    append_checksum(out);
    out += headers;
    out += payload;
    append_checksum(out);
    return out;
}

/// Cached tokens are no part of `inputTokens`; thoughts are a part of the output.
std::string usage(std::size_t words) {
    const auto output = words + kReasoningTokens;
    return join({R"({"inputTokens":)", std::to_string(kPromptTokens - kCachedTokens),
                 R"(,"outputTokens":)", std::to_string(output), R"(,"totalTokens":)",
                 std::to_string(kPromptTokens + output), R"(,"cacheReadInputTokens":)",
                 std::to_string(kCachedTokens), R"(,"cacheWriteInputTokens":0})"});
}

/// Members behind the answer: the counts, and how long it took.
std::string counts(const Plan& plan, const Tale& tale) {
    return join({plan.usage ? join({R"("usage":)", usage(tale.size()), ","}) : std::string(),
                 R"("metrics":{"latencyMs":7})"});
}

std::string_view stop_reason(const Plan& plan) {
    return plan.content == Content::tools ? "tool_use" : "end_turn";
}

/// Of the words: behind the thoughts, where there are some.
std::string_view index_of_answer(const Plan& plan) {
    return plan.content == Content::reasoning ? "1" : "0";
}

std::string block_event(std::string_view type, std::string_view members, std::string_view index) {
    return event(type, join({"{", members, members.empty() ? "" : ",", R"("contentBlockIndex":)",
                             index, "}"}));
}

std::string thought(std::string_view name, std::string_view value) {
    return block_event(
        kDelta, join({R"("delta":{"reasoningContent":{")", name, "\":", quoted(value), "}}"}), "0");
}

void add_thoughts(std::vector<std::string>& events) {
    std::string_view left = reasoning_text();
    while (!left.empty()) {
        const auto end = std::min(left.find(' ', 1), left.size());
        events.push_back(thought("text", left.substr(0, end)));
        left.remove_prefix(end);
    }
    events.push_back(thought("signature", kSignature));
    events.push_back(block_event("contentBlockStop", "", "0"));
}

}  // namespace

std::string event(std::string_view type, std::string_view payload) {
    return message("event", ":event-type", type, payload);
}

std::string exception(std::string_view type, std::string_view document) {
    return message("exception", ":exception-type", type, document);
}

std::string scripted(std::string_view event_text) {
    constexpr std::string_view kData = "data: ";
    auto text = event_text;
    if (text.starts_with(kData)) text.remove_prefix(kData.size());
    const auto union_of = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!union_of.is_object() || union_of.size() != 1) return std::string(event_text);
    const auto& type = union_of.begin().key();
    const auto payload = union_of.begin().value().dump();
    return type.ends_with("Exception") ? exception(type, payload) : event(type, payload);
}

std::string corrupt(Flaw flaw) {
    constexpr std::size_t kLengthsChecksum = 8;
    auto bytes = event(kDelta, R"({"delta":{"text":" corrupt"},"contentBlockIndex":0})");
    const auto at = flaw == Flaw::prelude ? kLengthsChecksum : bytes.size() - 1;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    return bytes;
}

std::string document(const Ask&, const Plan& plan, const Tale& tale) {
    std::string content;
    if (plan.content == Content::reasoning) {
        content = join({R"({"reasoningContent":{"reasoningText":{"text":)",
                        quoted(reasoning_text()), R"(,"signature":)", quoted(kSignature), "}}},"});
    }
    content += plan.content == Content::tools
                   ? join({R"({"toolUse":{"toolUseId":"tooluse_mock","name":"get_weather",)",
                           R"("input":)", tool_arguments(), "}}"})
                   : join({R"({"text":")", tale.text(), "\"}"});
    return join({R"({"output":{"message":{"role":"assistant","content":[)", content,
                 R"(]}},"stopReason":")", stop_reason(plan), "\",", counts(plan, tale), "}\n"});
}

std::vector<std::string> opening(const Plan& plan) {
    std::vector<std::string> events{event("messageStart", R"({"role":"assistant"})")};
    if (plan.content == Content::reasoning) add_thoughts(events);
    // Only what is not text announces itself.
    if (plan.content == Content::tools) {
        events.push_back(block_event(
            "contentBlockStart",
            R"("start":{"toolUse":{"toolUseId":"tooluse_mock","name":"get_weather"}})", "0"));
    }
    return events;
}

EventFrame frame(const Plan& plan) {
    const bool tools = plan.content == Content::tools;
    EventFrame frame;
    frame.message = kDelta;
    frame.before = tools ? R"({"delta":{"toolUse":{"input":")" : R"({"delta":{"text":")";
    frame.end = join({tools ? R"("}},"contentBlockIndex":)" : R"("},"contentBlockIndex":)",
                      index_of_answer(plan), "}"});
    return frame;
}

std::vector<std::string> closing(const Plan& plan, const Tale& tale) {
    std::vector<std::string> events{
        block_event("contentBlockStop", "", index_of_answer(plan)),
        event("messageStop", join({R"({"stopReason":")", stop_reason(plan), "\"}"}))};
    if (plan.done) events.push_back(event("metadata", join({"{", counts(plan, tale), "}"})));
    return events;
}

std::string_view exception_of(unsigned status) {
    struct Named {
        unsigned status;
        std::string_view name;
    };
    static constexpr std::array kNamed{
        Named{403, "AccessDeniedException"},      Named{404, "ResourceNotFoundException"},
        Named{408, "ModelTimeoutException"},      Named{424, "ModelErrorException"},
        Named{429, "ThrottlingException"},        Named{500, "InternalServerException"},
        Named{503, "ServiceUnavailableException"}};
    const auto* const named = std::find_if(kNamed.begin(), kNamed.end(),
                                           [&](const Named& n) { return n.status == status; });
    if (named != kNamed.end()) return named->name;
    return status >= 500 ? "InternalServerException" : "ValidationException";
}

}  // namespace understudy::mock::amazon
