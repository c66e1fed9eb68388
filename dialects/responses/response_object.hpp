// The Response object and its items as JSON, in every state that a stream shows them in. All
// members that strict clients insist on are always there. Pure.
#pragma once

#include "dialects/value.hpp"
#include "wire/answer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::dialects::responses {

/// One item of `output`. Texts are insides of JSON strings, names and ids as well.
struct Item {
    enum class Kind : std::uint8_t { message, refusal, reasoning, function_call, custom_call };
    enum class State : std::uint8_t {
        held,  // no event has named it yet
        open,
        done,
    };
    Kind kind = Kind::message;
    State state = State::held;
    std::string id;
    std::string text;      // of a call: its arguments, or what a custom tool gets
    std::size_t sent = 0;  // of the text, in events
    std::string call_id, name, space;
    std::string seal;
    bool sealed = false;  // no more thoughts belong to it
    bool cut = false;     // it ended in the middle, and is never done
    /// What an event of a piece of the text consists of beside its number and the piece.
    struct Delta {
        std::string front, middle;
        std::string_view back;
    };
    std::unique_ptr<Delta> delta;  // once one was told

    bool is_call() const { return kind == Kind::function_call || kind == Kind::custom_call; }
    /// Thoughts that are not shown have no part to put text in.
    bool has_part() const {
        return !is_call() && !(kind == Kind::reasoning && sealed && text.empty());
    }
};

/// "msg_" and the like.
std::string_view id_prefix_of(Item::Kind kind);

/// Names of the events that open, fill and close what is in an item; "" where it has no such.
struct EventNames {
    std::string_view opened, delta, done, closed;
    std::string_view index;   // member: which part
    std::string_view member;  // with the whole text
};
EventNames names_of(Item::Kind kind);

/// A content part of a message, or the summary of thoughts, with this text in it.
void write_part(const Item& item, std::string_view text, Writer& to);
/// The item as it is first announced: with nothing in it.
void write_announced(const Item& item, Writer& to);
/// With all that is in it, in the state that it has.
void write_item(const Item& item, Writer& to);

struct Response {
    std::string id;  // the inside of a string, as is the model
    std::string model;
    std::int64_t created = 0;  // Unix time
    std::string echo;          // members of the request, see echo_of()
    std::optional<wire::Usage> usage;
    wire::Usage estimate;  // for an upstream that counts nothing
};
enum class Status : std::uint8_t {
    in_progress,
    completed,
    out_of_tokens,
    filtered,
    unsaid,  // incomplete, for nobody said that it is not
    failed,
};
std::string_view status_word(Status status);

/// `error`: why it failed, or null. Items that were never announced stay out where `announced`.
void write_response(const Response& response, Status status, const std::vector<Item>& items,
                    const wire::ErrorFacts* error, bool announced, Writer& to);

/// Members of a Response that repeat the request, as "key":value,...; of an absent one the
/// defaults. Tools and instructions, which may be large and which nobody reads, are not repeated.
std::string echo_of(Value request);

}  // namespace understudy::dialects::responses
