#include "wire/passing_answer.hpp"

#include "wire/chat_chunk.hpp"
#include "wire/error_member.hpp"
#include "wire/json_cursor.hpp"
#include "wire/raw_usage.hpp"

#include <algorithm>
#include <utility>

namespace understudy::wire {
namespace {

constexpr std::size_t kLongestKey = 32;  // of those that are looked for, with room
constexpr std::string_view kData = "data:";

bool is_wanted(std::string_view key) noexcept {
    return key == "usage" || key == "usageMetadata" || key == "model" || key == "modelVersion" ||
           key == "service_tier";
}

bool is_needed(AnswerNeed need, std::string_view key) noexcept {
    switch (need) {
        case AnswerNeed::choices:
            return key == "choices";
        case AnswerNeed::data:
            return key == "data";
        case AnswerNeed::results:
            return key == "results";
        case AnswerNeed::text:
            return key == "text";
        case AnswerNeed::output:
        case AnswerNeed::message:
            return key == "output";
        case AnswerNeed::content:
            return key == "content";
        case AnswerNeed::candidates:
            return key == "candidates" || key == "promptFeedback";
        case AnswerNeed::audio:
        case AnswerNeed::nothing:
            break;
    }
    return true;
}

bool holds_words(AnswerNeed need) noexcept {
    switch (need) {
        case AnswerNeed::choices:
        case AnswerNeed::output:
        case AnswerNeed::content:
        case AnswerNeed::candidates:
        case AnswerNeed::message:
            return true;
        default:
            return false;
    }
}

/// Of base64, in both of its alphabets.
bool is_digit_of_64(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '-' || c == '_' || c == '=';
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view space = " \t\r\n";
    const auto first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

}  // namespace

PassingAnswer::PassingAnswer(AnswerShape shape) noexcept
    : list_(shape == AnswerShape::gemini_list),
      need_(traits_of(shape).need),
      answered_(need_ == AnswerNeed::nothing),
      counts_(holds_words(need_)) {}

void PassingAnswer::restart() noexcept {
    const bool list = list_;
    *this = PassingAnswer(AnswerShape::other_json);
    list_ = list;
}

void PassingAnswer::feed(std::string_view piece) {
    for (std::size_t i = 0; i < piece.size();) {
        if (in_string_) {
            i += pass_string(piece.substr(i));
        } else {
            pass(piece[i++]);
        }
    }
}

/// As much of `text` as belongs to the string that has begun; how much that is.
std::size_t PassingAnswer::pass_string(std::string_view text) {
    std::size_t n = 0;
    for (; n < text.size(); ++n) {
        if (escaped_) {
            escaped_ = false;
        } else if (text[n] == '\\') {
            escaped_ = true;
        } else if (text[n] == '"') {
            break;
        }
    }
    const bool ended = n < text.size();
    if (in_key_) {
        const auto room = kLongestKey + 1 - std::min(key_.size(), kLongestKey + 1);
        key_.append(text.substr(0, std::min(n, room)));
    } else if (keeps_) {
        keep(text.substr(0, n + (ended ? 1 : 0)));
    }
    if (in_words_) count(text.substr(0, n));
    if (!ended) return n;
    in_string_ = false;
    if (std::exchange(in_key_, false)) end_key();
    return n + 1;
}

/// Words that no language has are pictures and sound.
void PassingAnswer::count(std::string_view text) {
    constexpr std::size_t kLongestWord = 512;
    const auto before = string_;
    for (const char c : text) {
        word_ = is_digit_of_64(c) ? word_ + 1 : 0;
        if (word_ <= kLongestWord) {
            ++string_;
        } else if (word_ == kLongestWord + 1) {
            string_ -= std::min<std::uint64_t>(string_, kLongestWord);
        }
    }
    text_bytes_ += string_;
    text_bytes_ -= before;
}

void PassingAnswer::pass(char c) {
    const bool own = keeps_ && depth_ == value_depth_;  // not within a value that is kept
    if (own && (c == ',' || c == '}' || c == ']')) end_value();
    if (keeps_) keep({&c, 1});
    switch (c) {
        case '"':
            in_string_ = true;
            word_ = 0;
            string_ = 0;
            in_key_ = expects_key_ && place() != Place::none;
            if (in_key_) key_.clear();
            break;
        case ':':
            text_bytes_ -= std::exchange(string_, 0);
            if (std::exchange(has_key_, false)) begin_value();
            break;
        case ',':
            expects_key_ = place() != Place::none;
            has_key_ = false;
            next_ = Place::none;
            break;
        case '{':
        case '[':
            open(c);
            break;
        case '}':
        case ']':
            close();
            break;
        default:
            break;
    }
}

void PassingAnswer::open(char c) {
    begun_ = true;
    if (++depth_ == 1) top_ = list_ && c == '[' ? 2 : 1;
    if (depth_ == top_ + 1) inner_ = c == '{' ? next_ : Place::none;
    next_ = Place::none;
    expects_key_ = c == '{' && place() != Place::none;
    has_key_ = false;
}

void PassingAnswer::close() {
    if (depth_ == 0) return;
    if (depth_-- == top_ + 1) inner_ = Place::none;
    expects_key_ = has_key_ = false;
}

/// Whose members the keys are that stand here.
PassingAnswer::Place PassingAnswer::place() const noexcept {
    if (depth_ == top_) return Place::top;
    return depth_ == top_ + 1 ? inner_ : Place::none;
}

void PassingAnswer::end_key() {
    if (key_.find('\\') != std::string::npos) {
        std::string decoded;
        decode_content(key_, decoded);
        key_ = std::move(decoded);
    }
    has_key_ = true;
    expects_key_ = false;
}

void PassingAnswer::begin_value() {
    const auto place = this->place();
    if (place == Place::top) {
        if (key_ == "x_groq") next_ = Place::groq;
        if (key_ == "response" || key_ == "message") next_ = Place::inner;
        const bool needed = is_needed(need_, key_);
        answered_ = answered_ || needed;
        in_words_ = counts_ && needed;
    }
    is_error_ = key_ == "error" || (key_ == "errors" && place == Place::top);
    keeps_ = is_error_ || is_wanted(key_);
    if (!keeps_) return;
    value_.clear();
    value_depth_ = depth_;
    value_place_ = place;
}

void PassingAnswer::keep(std::string_view text) {
    value_.append(text.substr(0, kMostKept + 1 - std::min(value_.size(), kMostKept + 1)));
}

void PassingAnswer::end_value() {
    keeps_ = false;
    if (is_error_) {
        error_ = error_ || value_.size() > kMostKept || tells_error(value_);
        return;
    }
    if (value_.size() > kMostKept) return;
    const auto value = trimmed(value_);
    if (key_ == "usage" || key_ == "usageMetadata") {
        if (!value.starts_with('{')) return;
        std::string_view tier;
        const auto usage =
            key_ == "usage" ? parse_usage(value, tier) : parse_usage_metadata(value, tier);
        // One at the top has the say.
        if (service_tier_.empty()) decode_content(tier, service_tier_);
        auto& known = usage_[static_cast<std::size_t>(value_place_)];
        if (!list_ || !known) {
            known = usage;
        } else if (usage) {
            merge_usage(*known, *usage);
        }
        return;
    }
    if (!value.starts_with('"') || value.size() < 2) return;
    auto& text = key_ == "service_tier" ? service_tier_ : model_;
    if (value_place_ == Place::top || text.empty()) {
        decode_content(value.substr(1, value.size() - 2), text);
    }
}

PassingFacts PassingAnswer::facts() const {
    PassingFacts facts;
    for (const auto place : {Place::top, Place::groq, Place::inner}) {
        const auto& usage = usage_[static_cast<std::size_t>(place)];
        if (!facts.usage) facts.usage = usage;
    }
    facts.model = model_;
    facts.service_tier = service_tier_;
    facts.text_bytes = text_bytes_;
    return facts;
}

bool PassingEvents::feed(std::string_view piece) {
    news_ = false;
    while (!piece.empty()) {
        if (std::exchange(after_cr_, false) && piece.front() == '\n') {
            piece.remove_prefix(1);
            continue;
        }
        const auto is_end = [](char c) { return c == '\n' || c == '\r'; };
        const auto* const end = std::find_if(piece.begin(), piece.end(), is_end);
        const auto n = static_cast<std::size_t>(end - piece.begin());
        take(piece.substr(0, n));
        if (n == piece.size()) break;
        after_cr_ = piece[n] == '\r';
        end_line();
        piece.remove_prefix(n + 1);
    }
    return news_;
}

bool PassingEvents::finish() {
    news_ = false;
    end_line();
    end_event();
    return news_;
}

/// A part of one line.
void PassingEvents::take(std::string_view text) {
    if (!in_data_) {
        const auto n = std::min(text.size(), kData.size() - std::min(start_.size(), kData.size()));
        start_.append(text.substr(0, n));
        if (start_ != kData) return;
        in_data_ = true;
        text.remove_prefix(n);
    }
    constexpr std::size_t kMarker = 16;
    marker_.append(text.substr(0, kMarker - std::min(marker_.size(), kMarker)));
    answer_.feed(text);
}

void PassingEvents::end_line() {
    if (start_.empty()) end_event();
    if (in_data_) answer_.feed("\n");
    start_.clear();
    in_data_ = false;
}

void PassingEvents::end_event() {
    if (answer_.reached() && !done_) {
        auto told = answer_.facts();
        if (told.usage && facts_.usage) {
            merge_usage(*facts_.usage, *told.usage);
        } else if (told.usage) {
            facts_.usage = told.usage;
        }
        if (facts_.model.empty()) facts_.model = std::move(told.model);
        if (!told.service_tier.empty()) facts_.service_tier = std::move(told.service_tier);
        facts_.error = facts_.error || answer_.error();
        news_ = true;
    }
    done_ = done_ || is_done_event(marker_);
    marker_.clear();
    answer_.restart();
}

}  // namespace understudy::wire
