#include "proxy/rescue/seam.hpp"

#include "proxy/rescue/anchor.hpp"
#include "proxy/rescue/letters.hpp"
#include "wire/json_text.hpp"

#include <algorithm>
#include <utility>

namespace understudy::proxy::rescue {
namespace {

constexpr std::size_t kTelling = 32;     // bytes of an answer that no continuation begins with
constexpr std::size_t kNoAccident = 48;  // the same from its beginning: it is being told again
constexpr std::size_t kMostHeld = 4096;  // of what is not the beginning told again

}  // namespace

Seam::Seam(Rung rung, std::string_view sent)
    : rung_(rung), size_(sent.size()), blank_(sendable(sent).empty()), telling_(false) {
    const auto text = sendable(sent);
    telling_ = text.size() >= kTelling && !repeats_itself(text.substr(0, kTailBytes));
}

Seam::State Seam::feed(std::string_view sent, std::string_view text, std::string& out) {
    if (state_ == State::open) pass(text, out);
    if (state_ != State::holding || text.empty()) return state_;
    const bool vain = adds_nothing(text);
    held_ += text;
    if (vain) return state_;
    return state_ = decide(sent.substr(0, size_), false, out);
}

/// White space behind white space decides nothing, as long as there is not too much of it.
bool Seam::adds_nothing(std::string_view text) const {
    return rung_ != Rung::restart && !held_.empty() && is_space(held_.back()) &&
           held_.size() + text.size() <= kMostHeld && leading_space(text) == text.size();
}

Seam::State Seam::finish(std::string_view sent, std::string& out) {
    if (state_ == State::holding) state_ = decide(sent.substr(0, size_), true, out);
    if (state_ == State::open) leave_out_closing(out);
    return state_;
}

Seam::State Seam::decide(std::string_view sent, bool last, std::string& out) {
    if (sent.size() < size_) return State::diverged;  // what the client has is not known any more
    if (blank_) return go_on(sent, 0, last, out);
    if (rung_ == Rung::restart) return decide_restart(sent, last, out);
    return decide_overlap(sent, last, out);
}

/// How the second text, from `lead` on, compares with the first from its beginning on. What has
/// been compared is not compared again.
Seam::Match Seam::match_all(std::string_view text, std::size_t lead) {
    const std::string_view held = std::string_view(held_).substr(lead);
    const std::size_t common = std::min(text.size(), held.size());
    const auto differs = std::mismatch(text.begin() + static_cast<std::ptrdiff_t>(matched_),
                                       text.begin() + static_cast<std::ptrdiff_t>(common),
                                       held.begin() + static_cast<std::ptrdiff_t>(matched_));
    matched_ = static_cast<std::size_t>(differs.first - text.begin());
    if (matched_ == text.size()) return Match::yes;
    if (matched_ == held.size()) return Match::pending;
    return matched_ >= kNoAccident ? Match::torn : Match::no;
}

Seam::State Seam::decide_restart(std::string_view sent, bool last, std::string& out) {
    // All of it, white space at its end included; half a character is finished by the next one.
    const auto whole = sent.substr(0, sent.size() - wire::unfinished_bytes(sent));
    switch (match_all(whole, 0)) {
        case Match::no:
        case Match::torn:
            return State::diverged;
        case Match::pending:
            return last ? State::diverged : State::holding;
        case Match::yes:
            break;
    }
    started_over_ = true;
    if (whole.size() == sent.size()) return open(sent, whole.size(), {}, out);
    const auto rest = std::string_view(held_).substr(whole.size());
    if (rest.empty()) return last ? State::diverged : State::holding;
    const Joint joint = finish_character(sent, rest);
    if (joint.skip == 0) return State::diverged;
    return open(sent, whole.size(), joint, out);
}

Seam::State Seam::decide_overlap(std::string_view sent, bool last, std::string& out) {
    const auto text = sendable(sent);
    const auto lead = leading_space(text) > 0 ? 0 : leading_space(held_);
    const Match all = telling_ ? match_all(text, lead) : Match::no;
    if (all == Match::pending && !last && lead <= kMostHeld) return State::holding;
    if (all == Match::yes) {
        started_over_ = true;
        wrappers_.clear();
        return go_on(sent, lead + text.size(), last, out);
    }
    const bool instructed = rung_ == Rung::instruct;
    last = last || held_.size() > kMostHeld;
    const auto head = beginning();
    Overlap overlap =
        instructed ? instructed_overlap(text, head, last) : accidental_overlap(text, head);
    if (overlap.bytes < matched_ && matched_ >= kNoAccident) return State::diverged;
    if (!overlap.settled && !last) return State::holding;
    // It was asked to begin with the last words. An answer that does not, or none, is an apology or
    // a question, and no end of what was begun.
    if (instructed && !overlap.repeated) return State::diverged;
    wrappers_ = std::move(overlap.wrappers);
    return go_on(sent, overlap.bytes, last, out);
}

/// What is held, as far as it is looked at.
std::string_view Seam::beginning() const {
    const auto head = std::string_view(held_).substr(0, kMostHeld);
    return head.size() == held_.size() ? head
                                       : head.substr(0, head.size() - wire::unfinished_bytes(head));
}

/// Lets pass what is held from `skip` on, joined to what was sent.
Seam::State Seam::go_on(std::string_view sent, std::size_t skip, bool last, std::string& out) {
    const auto rest = std::string_view(held_).substr(skip);
    const bool joins = sendable(sent).size() != sent.size();
    // Until a character is there nobody knows what white space is in front of it.
    const bool blank = rest.size() <= kMostHeld && leading_space(rest) == rest.size();
    if (joins && !last && blank) return State::holding;
    return open(sent, skip, join_exactly(sent, rest), out);
}

Seam::State Seam::open(std::string_view sent, std::size_t skip, const Joint& joint,
                       std::string& out) {
    dropped_ = skip + joint.skip;
    for (Wrapper& wrapper : wrappers_) wrapper.note(sent);
    pass(joint.glue + held_.substr(dropped_), out);
    std::string().swap(held_);
    return State::open;
}

/// Text behind the seam.
void Seam::pass(std::string_view text, std::string& out) {
    if (wrappers_.empty()) {
        out += text;
        return;
    }
    end_ += text;
    const auto from = closing_from(end_, wrappers_);
    give(end_.size() - from <= kMostHeld ? from : end_.size(), out);
}

/// So much of the end does not close anything: more stands behind it.
void Seam::give(std::size_t bytes, std::string& out) {
    const auto text = std::string_view(end_).substr(0, bytes);
    for (Wrapper& wrapper : wrappers_) wrapper.note(text);
    out += text;
    end_.erase(0, bytes);
}

void Seam::leave_out_closing(std::string& out) {
    const auto kept = without_closing(end_, wrappers_);
    dropped_ += end_.size() - kept.size();
    out += kept;
    std::string().swap(end_);
    wrappers_.clear();
}

void Seam::let_go(std::string& out) {
    out += end_;
    std::string().swap(end_);
    if (state_ == State::open) wrappers_.clear();
}

}  // namespace understudy::proxy::rescue
