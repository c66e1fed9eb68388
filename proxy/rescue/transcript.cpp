#include "proxy/rescue/transcript.hpp"

#include "proxy/rescue/passed_event.hpp"

#include <algorithm>

namespace understudy::proxy::rescue {

void Transcript::give_up(const char* why) {
    obstruct(why);
    forget();
}

void Transcript::forget() {
    for (std::string* kept : {&text_, &pending_}) std::string().swap(*kept);
}

// The client may have read in it what is known to nobody here.
void Transcript::follow(const wire::SseEvent& event) {
    if (!event.has_data || says_nothing(event.data)) return;
    if (!observe(event)) obstruct("an event of it cannot be read");
}

void Transcript::sent(std::string_view bytes) {
    // What is in the way of a rescue does not go away: mostly nothing more needs to be known.
    const auto enough = [this] { return obstacle_ != nullptr && !needs_all(); };
    if (enough()) return;
    const bool kept = !pending_.empty();
    if (kept) pending_.append(bytes);
    std::string_view rest = kept ? std::string_view(pending_) : bytes;
    wire::SseEvent event;
    while (!enough() && scanner_.next(rest, event)) {
        follow(event);
        rest.remove_prefix(event.raw.size());
    }
    if (enough()) return pending_.clear();
    if (kept) {
        pending_.erase(0, pending_.size() - rest.size());
    } else {
        pending_.assign(rest);
    }
    if (this->bytes() > most_bytes_) give_up("the answer is too long to be continued");
}

void Transcript::note_usage(const std::optional<wire::Usage>& usage) {
    if (!usage) return;
    if (usage_) {
        wire::merge_usage(*usage_, *usage);
    } else {
        usage_ = usage;
    }
}

void Transcript::note_prompt(const wire::Usage& reported) {
    if (reported.prompt == 0 || (usage_ && usage_->prompt > 0)) return;
    if (!usage_) usage_.emplace();
    usage_->prompt = reported.prompt;
    usage_->cache_read = reported.cache_read;
    usage_->cache_write = reported.cache_write;
}

std::uint64_t Transcript::completion_tokens() const noexcept {
    // A block in mid-stream may be older than the text behind it.
    const std::uint64_t reported = usage_ ? usage_->completion : 0;
    return std::max(reported, content_events_);
}

}  // namespace understudy::proxy::rescue
