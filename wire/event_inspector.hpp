// Judges the events of one stream faster than one by one: nearly all of them repeat the event
// before byte for byte, but for the text that they carry.
#pragma once

#include "wire/answer.hpp"
#include "wire/google_counts.hpp"
#include "wire/json_scan.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace understudy::wire {

struct AnswerFindings;
struct JsonValue;
struct VariableValues;

/// inspect_event for the events of one stream. Remembers the last event that carried content as
/// literal text with holes where its content stood. An event that is the same text around values of
/// the same kind has the same facts: what the walk decides does not depend on what is in a hole
/// (other than empty, and Google's counts, which are read), and whatever stands there is validated
/// as the walk would.
class EventInspector {
  public:
    explicit EventInspector(AnswerShape shape) noexcept : shape_(shape) {}

    /// As inspect_event. The facts stay until the next call; their views point into `data` or to
    /// equal text in here.
    const EventFacts& inspect(std::string_view data, std::string_view name) {
        if (hole_count_ == 0 || !is_repeat(data, name)) return judge(data, name);
        misses_ = 0;
        ++repeats_;
        return remembered_;
    }

    /// How many events were judged without a walk.
    std::uint64_t repeats() const noexcept { return repeats_; }
    /// Bytes of the event that is remembered, without those that may differ.
    std::size_t literal_bytes() const noexcept { return literals_.size(); }
    /// The next event is no repeat of any that came before.
    void forget() noexcept { hole_count_ = 0; }

  private:
    /// A value that may differ from event to event, and the literal in front of it.
    struct Hole {
        std::uint16_t begin = 0, end = 0;  // of the literal, in literals_
        JsonKind kind = JsonKind::null;
        bool content = false;     // must not be empty
        std::uint8_t counts = 0;  // as VariableValues has it
    };
    static constexpr std::size_t kMostHoles = 8;

    const EventFacts& judge(std::string_view data, std::string_view name);
    bool is_repeat(std::string_view data, std::string_view name);
    void keep_counts(const AnswerFindings& found, const GoogleCounts& counts);
    bool take_count(const JsonValue& value, std::uint8_t which);
    void remember(std::string_view data, std::string_view name, const VariableValues& variable);
    std::string_view kept(std::string_view literal, std::string_view part, std::size_t at) const;

    AnswerShape shape_;
    std::array<Hole, kMostHoles> holes_;
    std::size_t hole_count_ = 0;    // 0: nothing is remembered
    std::uint64_t fixed_text_ = 0;  // bytes of text in the literals
    std::size_t tail_ = 0;          // where the literal behind the last hole begins
    std::uint32_t misses_ = 0;      // in a row
    std::uint64_t repeats_ = 0;
    std::string literals_;  // all of them, one behind the other
    std::string name_;      // of the remembered event
    EventFacts remembered_;
    EventFacts facts_;                      // of an event that is no repeat
    std::unique_ptr<GoogleCounts> counts_;  // of the remembered event, where it has such
};

}  // namespace understudy::wire
