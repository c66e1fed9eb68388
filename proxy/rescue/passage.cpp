#include "proxy/rescue/passage.hpp"

#include "proxy/rescue/anchor.hpp"
#include "wire/json_text.hpp"

#include <algorithm>

namespace understudy::proxy::rescue {

namespace {

constexpr std::uint64_t kBytesPerToken = 4;
constexpr std::uint64_t kLongestToken = 8;  // where events hold more they are no tokens (bill.cpp)
/// What the instruction adds to a prompt, beside the words that it quotes (instruction.hpp).
constexpr std::uint64_t kInstructionTokens = 100;

/// Tokens of the second prompt that the client has not sent.
std::uint64_t added_tokens(Rung rung, const Transcript& transcript) {
    if (rung == Rung::restart) return 0;
    const auto beginning = transcript.completion_tokens();
    if (rung == Rung::prefill) return beginning;
    return beginning + kInstructionTokens + anchor_of(transcript.text()).size() / kBytesPerToken;
}

}  // namespace

Passage::Passage(const Transcript& first, Rung rung, std::uint64_t asked_tokens)
    : first_(first),
      rung_(rung),
      had_tokens_(first.completion_tokens()),
      sent_bytes_(first.text().size()),
      prompt_added_(added_tokens(rung, first)),
      asked_tokens_(asked_tokens),
      had_usage_(first.usage()),
      seam_(rung, first.text()) {}

std::string& Passage::next() {
    decoded_.swap(carry_);
    carry_.clear();
    return decoded_;
}

void Passage::pass(bool last, std::string& out) {
    if (!last && !passes_all()) {
        const auto unfinished = wire::unfinished_bytes(decoded_);
        carry_ = decoded_.substr(decoded_.size() - unfinished);
        decoded_.erase(decoded_.size() - unfinished);
    }
    if (!open() && !decoded_.empty()) {
        held_bytes_ += decoded_.size();
        if (held_bytes_ <= kMostCounted) ends_.push_back(static_cast<std::uint16_t>(held_bytes_));
    }
    seam_.feed(first_.text(), decoded_, out);
    if (last) seam_.finish(first_.text(), out);
    decoded_.clear();
    if (!passes_all()) return;
    out += carry_;
    carry_.clear();
}

void Passage::let_go(std::string& out) {
    if (!open()) return;
    seam_.let_go(out);
    out += carry_;
    carry_.clear();
}

// Of the second text, what the client had already or was put around it: a token for each event of
// it, as the text that was sent is counted.
std::uint64_t Passage::left_out_tokens() const {
    const auto bytes = seam_.dropped();
    const auto whole = std::upper_bound(ends_.begin(), ends_.end(), bytes) - ends_.begin();
    const auto events = static_cast<std::uint64_t>(whole);
    if (events == 0 || bytes > kLongestToken * events) return bytes / kBytesPerToken;
    return events + (bytes - ends_[events - 1]) / kBytesPerToken;
}

wire::Usage Passage::truth_of(const wire::Usage& second, bool without_thoughts) const {
    wire::Usage truth = second;
    const bool all_again = rung_ == Rung::restart || seam_.started_over();
    const bool nothing_before = sent_bytes_ == 0;
    const auto less = [](std::uint64_t from, std::uint64_t part) {
        return from > part ? from - part : 0;
    };
    if (!all_again || nothing_before) truth.completion += had_tokens_;
    if (!all_again) truth.completion = less(truth.completion, left_out_tokens());
    if (without_thoughts) {
        truth.completion = less(truth.completion, second.reasoning);
        truth.reasoning = had_usage_ ? had_usage_->reasoning : 0;
    }
    if (had_usage_ && had_usage_->prompt > 0) {
        truth.prompt = had_usage_->prompt;
        truth.cache_read = had_usage_->cache_read;
        truth.cache_write = had_usage_->cache_write;
    } else if (second.prompt > prompt_added_) {
        truth.prompt = second.prompt - prompt_added_;
    } else if (asked_tokens_ > 0 && second.prompt >= prompt_added_ / 2) {
        // A shorter tokenizer than that by which the addition was estimated. A prompt of which the
        // addition would be far more than all is one that was counted without it.
        truth.prompt = std::min(second.prompt, asked_tokens_);
    }
    truth.cache_read = std::min(truth.cache_read, truth.prompt);
    return truth;
}

}  // namespace understudy::proxy::rescue
