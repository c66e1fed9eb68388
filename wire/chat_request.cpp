#include "wire/chat_request.hpp"

#include "wire/json_cursor.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace understudy::wire {
namespace {

// Ways to demand a form, beside `response_format`: vLLM's, llama.cpp's and SGLang's names.
constexpr std::array<std::string_view, 10> kSchemaMembers{
    "guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs",
    "json_schema", "grammar",      "regex",         "ebnf",           "structural_tag"};

/// Whether a value says something: null, false, "", [] and {} do not.
bool says_something(std::string_view value, JsonKind kind) {
    const JsonValue read{kind, value};
    return read.truthy();
}

std::optional<TokenCap> cap_of(std::string_view body, const JsonMember& member) {
    if (member.kind != JsonKind::number) return std::nullopt;
    const std::string_view text = member.value.of(body);
    TokenCap cap{member.value, 0};
    const auto read = std::from_chars(text.data(), text.data() + text.size(), cap.tokens);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return cap;
}

/// {"type":"text"} is what there would be without it.
bool demands_form(std::string_view response_format) {
    JsonCursor in(response_format);
    bool text = false;
    bool any = false;
    in.object_members([&](std::string_view key) {
        JsonValue value;
        if (!in.take(value)) return false;
        any = true;
        if (key == "type") text = value.string_content() == "text";
        return true;
    });
    return any && !text;
}

bool names_more_than_text(std::string_view modalities) {
    JsonCursor in(modalities);
    bool more = false;
    if (!modalities.starts_with('[')) return false;
    in.each_element([&] {
        JsonValue value;
        if (!in.take(value)) return false;
        more |= value.string_content() != "text";
        return true;
    });
    return more;
}

/// Where the last element of a list ends, relative to the text; 0: it is empty.
std::size_t end_of_elements(std::string_view list) {
    JsonCursor in(list);
    std::size_t end = 0;
    in.each_element([&] {
        if (!in.skip()) return false;
        end = in.offset();
        return true;
    });
    return end;
}

void read_last_message(std::string_view body, Span object, LastMessage& last) {
    last = {};
    last.object = object;
    JsonCursor in(object.of(body));
    in.object_members([&](std::string_view key) {
        const std::size_t at = object.begin + in.offset();
        JsonValue value;
        if (!in.take(value)) return false;
        const Span span{at, at + value.raw.size()};
        if (key == "role") last.assistant = value.string_content() == "assistant";
        if (key == "prefix" || key == "partial") last.flag = span;
        if (key != "content") return true;
        last.content = span;
        last.content_kind = value.kind;
        if (value.kind == JsonKind::array) {
            const std::size_t end = end_of_elements(value.raw);
            last.parts_end = end == 0 ? 0 : span.begin + end;
        }
        return true;
    });
}

void read_messages(std::string_view body, Span list, ChatRequest& request) {
    JsonCursor in(list.of(body));
    Span last;
    in.each_element([&] {
        last.begin = list.begin + in.offset();
        if (!in.skip()) return false;
        last.end = list.begin + in.offset();
        return true;
    });
    request.has_messages = last.end != 0;
    request.messages_end = request.has_messages ? last.end : list.begin + 1;
    if (request.has_messages) read_last_message(body, last, request.last);
}

void read_member(std::string_view body, const JsonMember& member, ChatRequest& request,
                 std::size_t& conversations) {
    const std::string_view key = member.key.of(body);
    const std::string_view value = member.value.of(body);
    const auto is = [key](std::string_view name) { return key_equals(key, name); };
    if (is("messages")) {
        ++conversations;
        request.conversation = member.kind == JsonKind::array;
        if (request.conversation) read_messages(body, member.value, request);
    } else if (is("n")) {
        request.one_choice = value == "1" || member.kind == JsonKind::null;
    } else if (is("logprobs") || is("top_logprobs")) {
        request.logprobs |= says_something(value, member.kind);
    } else if (is("tools") || is("functions")) {
        request.tools |= says_something(value, member.kind);
    } else if (is("response_format")) {
        request.schema |= demands_form(value);
    } else if (is("modalities")) {
        request.audio |= names_more_than_text(value);
    } else if (is("continue_final_message")) {
        request.continue_final_message = member.value;
    } else if (is("add_generation_prompt")) {
        request.add_generation_prompt = member.value;
    } else if (is("max_tokens")) {
        request.max_tokens = cap_of(body, member);
    } else if (is("max_completion_tokens")) {
        request.max_completion_tokens = cap_of(body, member);
    } else if (std::any_of(kSchemaMembers.begin(), kSchemaMembers.end(), is)) {
        request.schema |= says_something(value, member.kind);
    }
}

}  // namespace

ChatRequest read_chat_request(std::string_view body, const RequestFacts& facts) {
    ChatRequest request;
    if (!facts.json) return request;
    std::size_t conversations = 0;
    for (const JsonMember& member : facts.members) {
        read_member(body, member, request, conversations);
        request.members_end = member.value.end;
    }
    request.conversation = request.conversation && conversations == 1;
    return request;
}

}  // namespace understudy::wire
