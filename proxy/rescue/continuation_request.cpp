#include "proxy/rescue/continuation_request.hpp"

#include "dialects/value.hpp"
#include "proxy/rescue/anchor.hpp"
#include "proxy/rescue/instruction.hpp"
#include "wire/json_text.hpp"

#include <algorithm>

namespace understudy::proxy::rescue {

using config::PrefillKind;
using wire::Edit;
using wire::JsonKind;
using wire::Span;

namespace {

/// The member that marks a message as the beginning of an answer; empty: none is needed.
std::string_view flag_of(PrefillKind kind) {
    if (kind == PrefillKind::prefix) return "\"prefix\":true";
    if (kind == PrefillKind::partial) return "\"partial\":true";
    return {};
}

void sort(std::vector<Edit>& edits) {
    std::stable_sort(edits.begin(), edits.end(),
                     [](const Edit& a, const Edit& b) { return a.range.begin < b.range.begin; });
}

class Editor {
  public:
    Editor(std::string_view body, const wire::ChatRequest& request, const Transcript& transcript,
           bool joins)
        : body_(body), request_(request), text_(sendable(transcript.text())), joins_(joins) {}

    void prefill(PrefillKind kind) {
        const auto flag = flag_of(kind);
        if (continues_client_message()) {
            append_to_last();
            mark_last(flag);
        } else {
            append_message(assistant_message(flag));
        }
        if (kind == PrefillKind::continue_final_message) set_template("true", "false");
    }

    void instruct() {
        std::string messages;
        if (continues_client_message()) {
            append_to_last();
            replace(request_.last.flag, "false");
        } else {
            messages = assistant_message({}) + ',';
        }
        messages +=
            R"({"role":"user","content":)" + wire::encode_string(instruction_behind(text_)) + '}';
        append_message(messages);
        // The client's own prefill has become a turn like any other.
        if (request_.continue_final_message.size() > 0) set_template("false", "true");
    }

    void shrink_limits(std::uint64_t delivered, Rung rung) {
        for (const auto& cap : {request_.max_tokens, request_.max_completion_tokens}) {
            if (cap)
                replace(cap->value, std::to_string(rest_of_limit(cap->tokens, delivered, rung)));
        }
    }

    std::vector<Edit> take() {
        sort(edits_);
        return std::move(edits_);
    }

  private:
    void insert(std::size_t at, std::string text) { edits_.push_back({{at, at}, std::move(text)}); }
    void replace(Span value, std::string_view text) {
        if (value.size() > 0 && value.of(body_) != text)
            edits_.push_back({value, std::string(text)});
    }

    /// The conversation ends with words put into the assistant's mouth, by which the answer began.
    bool continues_client_message() const {
        const auto kind = request_.last.content_kind;
        return request_.last.assistant && (kind == JsonKind::string || kind == JsonKind::array);
    }

    void append_to_last() {
        const auto& last = request_.last;
        if (last.content_kind == JsonKind::string) {
            const auto token = wire::encode_string(without_echo());
            insert(last.content.end - 1, token.substr(1, token.size() - 2));
            return;
        }
        if (joins_ && append_to_last_part()) return;
        const std::string more = R"({"type":"text","text":)" + wire::encode_string(text_) + '}';
        const bool first = last.parts_end == 0;
        insert(first ? last.content.begin + 1 : last.parts_end, (first ? "" : ",") + more);
    }

    bool append_to_last_part() {
        dialects::Value part;
        dialects::Value::of(request_.last.content.of(body_)).elements([&](dialects::Value each) {
            part = each;
        });
        const auto text = part.at("text");
        if (!part.at("type").is("text") || !text.is_string()) return false;
        const auto at = static_cast<std::size_t>(text.raw().data() - body_.data());
        const auto token = wire::encode_string(text_);
        insert(at + text.raw().size() - 1, token.substr(1, token.size() - 2));
        return true;
    }

    /// Some servers say the client's beginning again before they go on.
    std::string_view without_echo() const {
        std::string own;
        const auto content = request_.last.content.of(body_);
        wire::append_exactly(own, content.substr(1, content.size() - 2));
        const bool echoed = own.size() < text_.size() && !own.empty() && text_.starts_with(own);
        return echoed ? text_.substr(own.size()) : text_;
    }

    void mark_last(std::string_view flag) {
        if (flag.empty() || request_.last.flag.size() > 0) {
            replace(request_.last.flag, "true");
        } else {
            insert(request_.last.object.end - 1, ',' + std::string(flag));
        }
    }

    std::string assistant_message(std::string_view flag) const {
        std::string out = R"({"role":"assistant","content":)" + wire::encode_string(text_);
        if (!flag.empty()) out.append(1, ',').append(flag);
        return out + '}';
    }

    void append_message(std::string text) {
        if (request_.has_messages) text.insert(0, 1, ',');
        insert(request_.messages_end, std::move(text));
    }

    void set_template(std::string_view continue_final, std::string_view generation_prompt) {
        set("continue_final_message", request_.continue_final_message, continue_final);
        set("add_generation_prompt", request_.add_generation_prompt, generation_prompt);
    }
    void set(const char* name, Span value, std::string_view text) {
        if (value.size() > 0) return replace(value, text);
        insert(request_.members_end, ",\"" + std::string(name) + "\":" + std::string(text));
    }

    std::string_view body_;
    const wire::ChatRequest& request_;
    std::string_view text_;
    const bool joins_;
    std::vector<Edit> edits_;
};

}  // namespace

std::vector<Edit> continuation_edits(std::string_view body, const wire::ChatRequest& request,
                                     Rung rung, PrefillKind kind, const Transcript& transcript,
                                     bool joins) {
    Editor editor(body, request, transcript, joins);
    if (rung == Rung::restart) return {};
    if (rung == Rung::prefill) editor.prefill(kind);
    if (rung == Rung::instruct) editor.instruct();
    // A model that thinks spends its limit on that first, and will think again.
    if (!transcript.thought()) editor.shrink_limits(transcript.completion_tokens(), rung);
    return editor.take();
}

std::string with_edits(std::string_view body, std::vector<Edit> edits) {
    sort(edits);
    std::vector<std::string_view> slices;
    wire::slices_of(body, edits, slices);
    std::string out;
    out.reserve(wire::edited_size(body, edits));
    for (const auto slice : slices) out += slice;
    return out;
}

std::string continuation_body(std::string_view body, const wire::ChatRequest& request, Rung rung,
                              PrefillKind kind, const Transcript& transcript, bool joins) {
    return with_edits(body, continuation_edits(body, request, rung, kind, transcript, joins));
}

}  // namespace understudy::proxy::rescue
