// Nearly all events of a stream are the event before with another piece of text. Such a one is
// known by its bytes: it needs no look into its members, nor for where it ends.
#pragma once

#include "dialects/value.hpp"
#include "wire/sse.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::dialects {

/// The last event that told one piece of text and nothing else, as literal text around what may
/// differ: that piece, what numbers or pads the events of a stream, and Google's counts.
class RepeatedEvent {
  public:
    struct Found {
        std::size_t size = 0;     // of the event, with the blank line that ends it
        std::string_view piece;   // the inside of a string, not empty
        std::string_view counts;  // usageMetadata, an object whose digits alone may differ; or ""
    };

    /// Whether an event is to be remembered: in a stream that never repeats itself few are.
    bool worth_it() noexcept {
        forget();
        ++misses_;
        return misses_ <= kPatience || misses_ % kPatience == 0;
    }
    /// `value` stands in the data of this event, and `piece` is the inside of a string in it. What
    /// is not of the common form is not remembered.
    void remember(const wire::SseEvent& event, Value value, std::string_view piece);
    /// Whether that event stands at the front of `text` again, whole; what is JSON there has been
    /// found to be well-formed.
    bool match(std::string_view text, Found& found);
    void forget() noexcept { hole_count_ = 0; }
    /// Bytes that are kept.
    std::size_t bytes() const noexcept { return literals_.capacity(); }

  private:
    enum class Kind : std::uint8_t {
        piece,
        text,          // any string
        number,        // digits
        counts_begin,  // nothing stands there
        counts_end,
    };
    /// What may differ, and how much literal text stands in front of it.
    struct Hole {
        std::size_t literal = 0;
        Kind kind = Kind::piece;
    };
    /// Where such a value stands in the event that is to be remembered.
    struct Place {
        const char* begin = nullptr;
        const char* end = nullptr;
        Kind kind = Kind::piece;
    };
    static constexpr std::size_t kMostHoles = 16;
    static constexpr std::uint32_t kPatience = 8;

    class Places;
    static const char* fill(Kind kind, const char* p, const char* end, Found& found);

    std::array<Hole, kMostHoles> holes_;
    std::size_t hole_count_ = 0;  // 0: nothing is remembered
    std::string literals_;        // one behind the other; the last has no hole behind it
    std::uint32_t misses_ = 0;    // in a row
};

}  // namespace understudy::dialects
