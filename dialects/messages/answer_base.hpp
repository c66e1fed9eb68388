// What the writers of an answer of Anthropic's have in common, whether it goes out as events or
// whole: its name, how it ended, what it used. Internal to dialects/messages.
#pragma once

#include "dialects/messages/messages.hpp"
#include "dialects/seals.hpp"
#include "dialects/usage_text.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::dialects::messages {

class WriterBase : public AnswerWriter {
  public:
    WriterBase(const Told& told, const ClientTools& tools) : told_(told), tools_(tools) {}

    void usage(const wire::Usage& usage) override {
        if (has_usage_) {
            wire::merge_usage(usage_, usage);
        } else {
            usage_ = usage;
        }
        has_usage_ = true;
    }
    void stop(Stop why, std::string_view sequence) override {
        stop_ = why;
        sequence_ = sequence;
    }

  protected:
    struct Call {
        std::string id;
        std::string name;
        std::string arguments;
    };
    void remember(std::string_view id, std::string_view model) {
        const bool own = id.starts_with("msg_");
        id_ = id.empty() ? minted_id("msg_", told_.seed, 0) : (own ? "" : "msg_") + std::string(id);
        model_ = model.empty() ? escaped(told_.asked_model) : std::string(model);
    }
    Call call_of(std::size_t number, std::string_view id, std::string_view name) const {
        const auto sent = unescaped(name);
        auto legal = id.empty() ? minted_id("toolu_", told_.seed, number)
                                : legal_id(unescaped(id), kAnthropicId);
        return {std::move(legal), std::string(tools_.names.original(sent)), {}};
    }
    void write_reason(Writer& to, bool calls) const;
    /// Clients of this API insist on numbers, and some go by them.
    void write_usage(Writer& to) const {
        write_messages_usage(has_usage_ ? usage_ : estimate(told_.rough_prompt, told_bytes_), to);
    }
    /// Thoughts are shown to those who asked for them only: the rest would send them back unread.
    bool shows_thinking() const { return told_.wants_thinking; }

    Told told_;
    const ClientTools& tools_;
    std::string id_;
    std::string model_;  // the inside of a string
    wire::Usage usage_;
    bool has_usage_ = false;
    std::uint64_t told_bytes_ = 0;
    Stop stop_ = Stop::unsaid;
    std::string sequence_;
};

/// Of events.
std::unique_ptr<AnswerWriter> make_stream_writer(const Told& told, const ClientTools& tools);

}  // namespace understudy::dialects::messages
