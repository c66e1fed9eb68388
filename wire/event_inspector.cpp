#include "wire/event_inspector.hpp"

#include "wire/answer_walk.hpp"
#include "wire/raw_usage.hpp"
#include "wire/text_size.hpp"

namespace understudy::wire {
namespace {

/// Longer events are too rare in a stream of deltas to keep a copy of for every stream.
constexpr std::size_t kMaxLiterals = 1024;
/// A stream that never repeats itself is not remembered event by event.
constexpr std::uint32_t kPatience = 8;

}  // namespace

// An event that is no repeat of the one before.
const EventFacts& EventInspector::judge(std::string_view data, std::string_view name) {
    static_assert(kMostHoles == VariableValues::kMost);
    AnswerFindings found;
    VariableValues variable;
    GoogleCounts counts;
    found.variable = &variable;
    variable.counts = shape_ == AnswerShape::gemini ? &counts : nullptr;
    judge_event(shape_, data, name, found, facts_);
    ++misses_;
    if (facts_.commits && (misses_ <= kPatience || misses_ % kPatience == 0)) {
        remember(data, name, variable);
        keep_counts(found, counts);
    }
    return facts_;
}

// Only when all of them are in the block that tells the usage do they say what it becomes.
void EventInspector::keep_counts(const AnswerFindings& found, const GoogleCounts& counts) {
    const bool others = found.usage.usage || found.groq_usage.usage || found.choice_usage.usage;
    if (found.inner_usage.google && !others) {
        if (!counts_) counts_ = std::make_unique<GoogleCounts>();
        *counts_ = counts;
        return;
    }
    counts_.reset();
    for (std::size_t i = 0; i < hole_count_; ++i) {
        if (holes_[i].counts != VariableValues::kNoCount) hole_count_ = 0;
    }
}

// False: it is no count, and what it means is for the walk to say.
bool EventInspector::take_count(const JsonValue& value, std::uint8_t which) {
    bool impossible = false;
    const auto count = count_of(value, impossible);
    if (!count || impossible) return false;
    counts_->plain[which] = *count;
    return true;
}

bool EventInspector::is_repeat(std::string_view data, std::string_view name) {
    if (name != name_) return false;
    std::uint64_t text = fixed_text_;
    const std::string_view literals = literals_;
    JsonCursor in(data);
    for (std::size_t i = 0; i < hole_count_; ++i) {
        const Hole& hole = holes_[i];
        JsonValue value;
        const auto literal = literals.substr(hole.begin, hole.end - hole.begin);
        if (!in.take_literal(literal) || !in.take(value)) return false;
        if (value.kind != hole.kind || (hole.content && value.is_empty())) return false;
        if (hole.counts != VariableValues::kNoCount && !take_count(value, hole.counts))
            return false;
        if (hole.content) text += decoded_bytes(value.string_content());
    }
    if (!in.take_literal(literals.substr(tail_)) || !in.at_end()) return false;
    remembered_.text_bytes = text;
    if (counts_) remembered_.usage = meaning_of(*counts_);
    return true;
}

/// The place in here of `part`, when it is in `literal`, which is kept at `at`; `part` otherwise.
std::string_view EventInspector::kept(std::string_view literal, std::string_view part,
                                      std::size_t at) const {
    // An empty view may point anywhere.
    if (part.empty() || part.data() < literal.data() ||
        part.data() >= literal.data() + literal.size()) {
        return part;
    }
    const auto offset = static_cast<std::size_t>(part.data() - literal.data());
    return std::string_view(literals_).substr(at + offset, part.size());
}

void EventInspector::remember(std::string_view data, std::string_view name,
                              const VariableValues& variable) {
    hole_count_ = 0;
    std::size_t fixed = data.size() + name.size();
    for (std::size_t i = 0; i < variable.count; ++i) fixed -= variable.values[i].value.raw.size();
    if (variable.count == 0 || fixed > kMaxLiterals) return;
    literals_.clear();
    literals_.reserve(fixed);  // from here on it does not move: views point into it
    name_ = name;
    remembered_ = facts_;
    fixed_text_ = variable.text_bytes;
    const auto keep = [&](std::size_t from, std::size_t to) {
        const std::size_t at = literals_.size();
        const std::string_view literal = data.substr(from, to - from);
        literals_ += literal;
        remembered_.model = kept(literal, remembered_.model, at);
        remembered_.service_tier = kept(literal, remembered_.service_tier, at);
        return Span{at, literals_.size()};
    };
    std::size_t from = 0;
    for (std::size_t i = 0; i < variable.count; ++i) {
        const auto& [value, content, counts] = variable.values[i];
        const auto at = static_cast<std::size_t>(value.raw.data() - data.data());
        const auto literal = keep(from, at);
        holes_[i] = {static_cast<std::uint16_t>(literal.begin),
                     static_cast<std::uint16_t>(literal.end), value.kind, content, counts};
        if (content) fixed_text_ -= decoded_bytes(value.string_content());
        from = at + value.raw.size();
    }
    tail_ = keep(from, data.size()).begin;
    hole_count_ = variable.count;
}

}  // namespace understudy::wire
