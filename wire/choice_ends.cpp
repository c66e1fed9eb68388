#include "wire/choice_ends.hpp"

#include "wire/answer_traits.hpp"
#include "wire/answer_walk.hpp"
#include "wire/delta_keys.hpp"
#include "wire/unspecified.hpp"

#include <charconv>
#include <optional>

namespace understudy::wire {
namespace {

/// What one event says of one choice.
struct Heard {
    std::optional<std::size_t> index;
    bool says = false;
    bool ends = false;
};

class ChoiceReader {
  public:
    ChoiceReader(JsonCursor& in, Heard& heard) : in_(in), heard_(heard) {}

    bool member(std::string_view key) {
        if (key == "index") return index();
        if (key == "finish_reason" || key == "finishReason") return end();
        if (key == "text") return says();
        if (key == "delta" || key == "message") return words();
        if (key != "content") return in_.skip();
        return in_.object_members(
            [this](std::string_view inner) { return inner == "parts" ? parts() : in_.skip(); });
    }

  private:
    bool index() {
        JsonValue value;
        if (!in_.take(value)) return false;
        std::size_t number = 0;
        const char* const end = value.raw.data() + value.raw.size();
        const auto read = std::from_chars(value.raw.data(), end, number);
        if (read.ec == std::errc() && read.ptr == end) heard_.index = number;
        return true;
    }
    bool end() {
        JsonValue value;
        if (!in_.take(value)) return false;
        const auto reason = value.string_content();
        heard_.ends |= !reason.empty() && !is_unspecified(reason);
        return true;
    }
    bool says() {
        JsonValue value;
        if (!in_.take(value)) return false;
        heard_.says |= says_something(value);
        return true;
    }
    bool words() {
        return in_.object_members(
            [this](std::string_view key) { return is_bare_key(key) ? in_.skip() : says(); });
    }
    bool parts() {
        JsonKind kind = JsonKind::null;
        if (!in_.peek(kind)) return false;
        if (kind != JsonKind::array) return in_.skip();
        return in_.each_element([this] { return words(); });
    }

    JsonCursor& in_;
    Heard& heard_;
};

}  // namespace

void ChoiceEnds::first(bool said, bool ended) {
    if (said || ended) set(0, said, ended);
}

void ChoiceEnds::note(std::string_view data) {
    const bool gemini = traits_of(shape_).events == EventStyle::gemini;
    JsonCursor in(data);
    in.skip_preamble();
    in.object_members([&](std::string_view key) {
        JsonKind kind = JsonKind::null;
        if (!in.peek(kind)) return false;
        const bool list = key == (gemini ? "candidates" : "choices") && kind == JsonKind::array;
        if (!list) return in.skip();
        std::size_t place = 0;
        return in.each_element([&] {
            Heard heard;
            ChoiceReader reader(in, heard);
            if (!in.object_members([&](std::string_view name) { return reader.member(name); }))
                return false;
            // Where it is not numbered, as Google leaves out a 0, it is where it stands.
            set(heard.index.value_or(place++), heard.says, heard.ends);
            return true;
        });
    });
}

void ChoiceEnds::set(std::size_t index, bool says, bool ends) {
    if (!says && !ends) return;
    if (index >= kMost) {
        too_many_ = true;
        return;
    }
    if (index >= states_.size()) states_.resize(index + 1, State::silent);
    auto& state = states_[index];
    open_ -= state == State::open ? 1 : 0;
    ended_ -= state == State::ended ? 1 : 0;
    state = ends ? State::ended : State::open;
    open_ += state == State::open ? 1 : 0;
    ended_ += state == State::ended ? 1 : 0;
}

}  // namespace understudy::wire
