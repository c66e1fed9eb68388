#include "dialects/repeated_event.hpp"

#include <algorithm>
#include <cstring>

namespace understudy::dialects {
namespace {

/// Longer events are too rare in a stream of pieces to keep a copy of for every stream.
constexpr std::size_t kMostLiterals = 1024;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The quote that ends a string whose inside begins at `p`; null: there is none before a control
/// character, which ends a line or is an error.
const char* closing_quote(const char* p, const char* end) {
    const char* const text = p;
    while (p != end) {
        const char* stop = wire::detail::find_near_string_stop(p, end);
        if (stop == nullptr) stop = wire::detail::find_string_stop(p, end, text);
        if (stop == end) return nullptr;
        if (*stop == '"') return stop;
        if (*stop != '\\' || end - stop < 2) return nullptr;
        p = stop + 2;
    }
    return nullptr;
}

}  // namespace

/// The values of an event that may differ, in the order of its text.
class RepeatedEvent::Places {
  public:
    void add(std::string_view text, Kind kind) {
        if (count_ == places_.size()) {
            full_ = true;
            return;
        }
        places_[count_++] = {text.data(), text.data() + text.size(), kind};
    }
    /// What no reader looks at, and counts, of which the last ones hold.
    void add_members(Value event) {
        event.members([this](std::string_view key, Value value) {
            if (key == "sequence_number") {
                add_number(value);
            } else if (key == "obfuscation" || key == "p") {
                if (value.is_string()) add(value.content(), Kind::text);
            } else if (key == "usageMetadata" && value.is_object()) {
                add(value.raw().substr(0, 0), Kind::counts_begin);
                add_numbers(value);
                add(value.raw().substr(value.raw().size()), Kind::counts_end);
            }
        });
    }
    /// False: there are too many, or one is in another.
    bool in_order() {
        std::stable_sort(
            places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(count_),
            [](const Place& a, const Place& b) { return std::less<>()(a.begin, b.begin); });
        for (std::size_t i = 1; i < count_; ++i) {
            if (std::less<>()(places_[i].begin, places_[i - 1].end)) return false;
        }
        return !full_;
    }
    const Place* begin() const { return places_.data(); }
    const Place* end() const { return places_.data() + count_; }

  private:
    void add_number(Value value) {
        const auto raw = value.raw();
        if (value.is_number() && std::all_of(raw.begin(), raw.end(), is_digit)) {
            add(raw, Kind::number);
        }
    }
    void add_numbers(Value value) {
        value.members([this](std::string_view, Value member) { add_numbers(member); });
        value.elements([this](Value element) { add_numbers(element); });
        add_number(value);
    }

    std::array<Place, kMostHoles> places_;
    std::size_t count_ = 0;
    bool full_ = false;
};

void RepeatedEvent::remember(const wire::SseEvent& event, Value value, std::string_view piece) {
    forget();
    const auto raw = event.raw;
    const char* const begin = raw.data();
    const char* const end = begin + raw.size();
    const auto within = [&](std::string_view text) {
        return !std::less<>()(text.data(), begin) && !std::less<>()(end, text.data() + text.size());
    };
    // What ends otherwise is for the scanner to find: how depends on what comes behind it.
    const bool ends = raw.ends_with("\n\n") || raw.ends_with("\r\n\r\n");
    const bool begins = !raw.starts_with('\n') && !raw.starts_with('\r');
    if (!ends || !begins || piece.empty() || !within(piece) || !within(value.raw())) return;
    Places places;
    places.add(piece, Kind::piece);
    places.add_members(value);
    if (!places.in_order()) return;
    std::size_t fixed = raw.size();
    for (const auto& place : places) fixed -= static_cast<std::size_t>(place.end - place.begin);
    if (fixed > kMostLiterals) return;
    literals_.clear();
    literals_.reserve(fixed);
    const char* from = begin;
    std::size_t count = 0;
    for (const auto& place : places) {
        holes_[count++] = {static_cast<std::size_t>(place.begin - from), place.kind};
        literals_.append(from, place.begin);
        from = place.end;
    }
    literals_.append(from, end);
    hole_count_ = count;
}

// Behind what fills such a hole; null: nothing that does stands there.
inline const char* RepeatedEvent::fill(Kind kind, const char* p, const char* end, Found& found) {
    switch (kind) {
        case Kind::counts_begin:
            found.counts = {p, 0};
            return p;
        case Kind::counts_end:
            found.counts = {found.counts.data(), static_cast<std::size_t>(p - found.counts.data())};
            return p;
        case Kind::number: {
            const char* const first = p;
            while (p != end && is_digit(*p)) ++p;
            return p == first ? nullptr : p;
        }
        default:
            break;
    }
    const char* const quote = closing_quote(p, end);
    if (kind == Kind::text || quote == nullptr) return quote;
    found.piece = {p, static_cast<std::size_t>(quote - p)};
    return found.piece.empty() ? nullptr : quote;
}

bool RepeatedEvent::match(std::string_view text, Found& found) {
    if (hole_count_ == 0 || text.size() < literals_.size()) return false;
    const char* p = text.data();
    const char* const end = p + text.size();
    const char* literal = literals_.data();
    const auto take = [&](std::size_t size) {
        if (static_cast<std::size_t>(end - p) < size || std::memcmp(p, literal, size) != 0) {
            return false;
        }
        p += size;
        literal += size;
        return true;
    };
    for (std::size_t i = 0; i < hole_count_; ++i) {
        const auto& hole = holes_[i];
        if (!take(hole.literal)) return false;
        p = fill(hole.kind, p, end, found);
        if (p == nullptr) return false;
    }
    if (!take(static_cast<std::size_t>(literals_.data() + literals_.size() - literal))) {
        return false;
    }
    found.size = static_cast<std::size_t>(p - text.data());
    misses_ = 0;
    return true;
}

}  // namespace understudy::dialects
