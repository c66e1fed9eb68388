// What the sink of an answer has been told of one event: whether it was one piece of text, and
// whether anything was said at all.
#pragma once

#include "dialects/answer.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace understudy::dialects {

/// Passes on to another sink all that it is told, and remembers the last piece.
class PieceWatch final : public AnswerSink {
  public:
    enum class Kind : std::uint8_t { text, thinking, refusal, arguments };
    /// A piece without its text.
    struct Place {
        Kind kind = Kind::text;
        std::size_t call = 0;  // of arguments
    };

    /// `from`: who tells. `spoke`: something was said before.
    PieceWatch(AnswerSink& to, const AnswerReader& from, bool spoke)
        : to_(to), from_(from), spoke_(spoke) {}

    /// There were words or calls, now or before.
    bool spoke() const { return spoke_; }
    /// It has come to its end without any, but with something that was left out: that end was not
    /// told.
    bool in_vain() const { return in_vain_; }

    /// Nothing but this was told: the very same bytes.
    bool only(std::string_view piece) const {
        return told_ == 1 && piece.data() == piece_.data() && piece.size() == piece_.size();
    }
    const Place& place() const { return place_; }
    /// Tells `to` such a piece.
    static void tell(const Place& place, std::string_view piece, AnswerSink& to) {
        switch (place.kind) {
            case Kind::text:
                return to.text(piece);
            case Kind::thinking:
                return to.thinking(piece);
            case Kind::refusal:
                return to.refusal(piece);
            case Kind::arguments:
                return to.arguments(place.call, piece);
        }
    }

    void text(std::string_view content) override {
        spoke_ = true;
        piece({Kind::text, 0}, content);
    }
    void thinking(std::string_view content) override { piece({Kind::thinking, 0}, content); }
    void refusal(std::string_view content) override {
        spoke_ = true;
        piece({Kind::refusal, 0}, content);
    }
    void arguments(std::size_t number, std::string_view content) override {
        piece({Kind::arguments, number}, content);
    }
    void start(std::string_view id, std::string_view model) override { other().start(id, model); }
    void seal(SealKind kind, std::string_view content, bool alone) override {
        other().seal(kind, content, alone);
    }
    void call(std::size_t number, std::string_view id, std::string_view name,
              std::string_view seal) override {
        spoke_ = true;
        other().call(number, id, name, seal);
    }
    void stop(Stop why, std::string_view sequence) override { other().stop(why, sequence); }
    void usage(const wire::Usage& usage) override { other().usage(usage); }
    void error(const wire::ErrorFacts& error) override { other().error(error); }
    void done() override {
        in_vain_ = !spoke_ && from_.left_out() != nullptr;
        if (!in_vain_) other().done();
    }

  private:
    void piece(const Place& place, std::string_view content) {
        ++told_;
        place_ = place;
        piece_ = content;
        tell(place, content, to_);
    }
    AnswerSink& other() {
        told_ += 2;  // one more thing, and no piece
        return to_;
    }

    AnswerSink& to_;
    const AnswerReader& from_;
    bool spoke_;
    bool in_vain_ = false;
    std::size_t told_ = 0;
    Place place_;
    std::string_view piece_;
};

}  // namespace understudy::dialects
