#include "proxy/rescue/chat/continuation.hpp"

#include "wire/json_text.hpp"
#include "wire/usage_cut.hpp"

#include <algorithm>

namespace understudy::proxy::rescue {

using wire::DeltaPart;
using How = Retold::How;

namespace {

/// Thoughts that begin like those that were shown, for so long, are the same ones.
constexpr std::size_t kSameThoughts = 48;

}  // namespace

ChatContinuation::ChatContinuation(const ChatTranscript& transcript,
                                   const ContinuationOptions& options)
    : usage_asked_(options.usage_asked),
      keep_role_(!transcript.role_sent()),
      content_sent_(!transcript.text().empty()),
      comment_(comment_of(options)),
      passage_(transcript, options.rung, options.asked_tokens),
      stitch_(transcript),
      shown_(transcript.reasoning()),
      same_thoughts_(!shown_.empty()) {}

bool ChatContinuation::event(std::string_view data, std::string& out) {
    if (!wire::read_chunk(data, chunk_)) return false;
    if (!chunk_.error) chunk(data, out);
    return true;
}

void ChatContinuation::end_marker(std::string& out) {
    if (state_ == State::finished) stitch_.append_done(out);
}

void ChatContinuation::chunk(std::string_view data, std::string& out) {
    if (chunk_.choices > 0) return choice_chunk(data, out);
    // Neither an answer nor usage: what a server says of its prompt stands at the head of a stream.
    if (chunk_.usages.empty()) return;
    if (usage_asked_) return usage_chunk(data, out);
    std::string rest;
    for (const auto& span : wire::without_usage(data)) rest += span.of(data);
    if (!rest.empty() && wire::read_chunk(rest, chunk_)) usage_chunk(rest, out);
}

void ChatContinuation::usage_chunk(std::string_view data, std::string& out) {
    EventChanges changes;
    correct_usage(data, changes);
    announce(out);
    stitch_.append(out, data, chunk_, changes);
}

void ChatContinuation::choice_chunk(std::string_view data, std::string& out) {
    const bool ends_text = chunk_.finish_reason.size() > 0 || chunk_.has(DeltaPart::tool_call) ||
                           chunk_.has(DeltaPart::other);
    EventChanges changes;
    changes.drop_role = !keep_role_ || content_sent_ || comment_.empty();
    changes.drop_finish = state_ == State::finished;
    changes.reasoning = next_reasoning(data);
    changes.text = next_text(data, ends_text);
    if (state_ == State::diverged) return;
    correct_usage(data, changes);
    // Text that was held and has no place in this event goes before it.
    const bool apart = !chunk_.has(DeltaPart::text) && !changes.text.text.empty();
    const bool says = Stitch::says_something(chunk_, changes);
    if (!apart && !says) return;
    announce(out);
    if (apart) stitch_.append_text(out, changes.text.text);
    if (says) stitch_.append(out, data, chunk_, changes);
    if (chunk_.finish_reason.size() > 0) state_ = State::finished;
}

/// The text of this event, behind the seam. `last`: none follows.
Retold ChatContinuation::next_text(std::string_view data, bool last) {
    const bool has_text = chunk_.has(DeltaPart::text);
    bool lists = false;
    for (const auto& member : chunk_.parts) {
        lists |= member.part == DeltaPart::text && member.at.kind != wire::JsonKind::string;
    }
    if (passage_.passes_all() && !lists) {
        content_sent_ |= has_text;
        return {};
    }
    text_.clear();
    std::string& piece = passage_.next();
    for (const auto& member : chunk_.parts) {
        std::string thoughts;  // of a list of parts: the text has begun, so they are left out
        if (member.part == DeltaPart::text)
            wire::append_part(member.at.value.of(data), false, piece, thoughts);
        dropped_thoughts_ |= !thoughts.empty();
    }
    passage_.pass(last, text_);
    static_cast<void>(follow(passage_));  // the caller looks at the state
    content_sent_ |= !text_.empty();
    if (!has_text && text_.empty()) return {};
    return {How::replaced, text_};
}

/// The reasoning of this event: nothing once text was sent, nothing that was shown before.
Retold ChatContinuation::next_reasoning(std::string_view data) {
    if (!chunk_.has(DeltaPart::reasoning)) return {};
    if (content_sent_) {
        dropped_thoughts_ = true;
        return {How::left_out, {}};
    }
    if (!same_thoughts_) return {};
    const std::size_t known = thought_.size();  // to be the same
    for (const auto& member : chunk_.parts) {
        if (member.part != DeltaPart::reasoning) continue;
        std::string text;
        wire::append_part(member.at.value.of(data), true, text, thought_);
        break;
    }
    const bool same = std::string_view(shown_).substr(known).starts_with(
        std::string_view(thought_).substr(known));
    if (same && thought_.size() < shown_.size()) return {How::left_out, {}};
    same_thoughts_ = false;
    const bool whole = thought_.starts_with(shown_);
    const auto common = static_cast<std::size_t>(
        std::mismatch(shown_.begin(), shown_.end(), thought_.begin(), thought_.end()).first -
        shown_.begin());
    // Other thoughts are told from their beginning, unless most of it was read already.
    new_thought_ = whole ? "" : "\n\n";
    new_thought_ +=
        std::string_view(thought_).substr(whole || common >= kSameThoughts ? common : 0);
    return {How::replaced, new_thought_};
}

void ChatContinuation::correct_usage(std::string_view data, EventChanges& changes) {
    for (const auto& block : chunk_.usages) {
        const auto second = wire::parse_usage(block.of(data));
        if (!second) continue;
        truth_ = passage_.truth_of(*second, dropped_thoughts_);
        changes.usage = &truth_;
        return;
    }
}

void ChatContinuation::announce(std::string& out) {
    if (comment_.empty()) return;
    stitch_.append_comment(out, comment_);
    comment_.clear();
}

}  // namespace understudy::proxy::rescue
