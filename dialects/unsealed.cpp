#include "dialects/unsealed.hpp"

#include "dialects/seals.hpp"
#include "dialects/value.hpp"

#include <string.h>
#include <cstdint>

namespace understudy::dialects {

using wire::Dialect;

namespace {

// What Google takes in place of a seal that is not there
// (https://ai.google.dev/gemini-api/docs/thought-signatures).
constexpr std::string_view kNoSeal = R"("skip_thought_signature_validator")";

/// Copies an object or a list, with some of what is in it left out or replaced.
class Unsealer {
  public:
    /// Which thoughts go.
    enum class Which : std::uint8_t { all, foreign, foreign_and_bare };
    explicit Unsealer(std::string_view body, Which which = Which::all) : which_(which) {
        text_.reserve(body.size());
    }

    void messages(Value body) {
        bool any = false;
        Value thinking;
        body.members([&](std::string_view key, Value value) {
            if (key == "messages") any = any || has_thoughts(value);
            if (key == "thinking") thinking = value;
        });
        if (!any) return;
        // The older way to ask for thoughts demands them in the history as well, and so does what
        // tidies them up.
        const bool demands = thinking.at("type").is("enabled") &&
                             (which_ == Which::all || leaves_bare_call(body.at("messages")));
        to_.open('{');
        body.members([&](std::string_view key, Value value) {
            if (demands && (key == "thinking" || key == "context_management")) return;
            member(key);
            if (key == "messages" && value.is_array()) {
                turns(value);
            } else {
                to_.raw(value.raw());
            }
        });
        to_.close('}');
        done_ = true;
    }

    void converse(Value body) {
        if (!has_thoughts(body.at("messages"))) return;
        done_ = true;
        copy(body, [&](std::string_view key, Value value) {
            if (key != "messages" || !value.is_array()) return false;
            turns(value);
            return true;
        });
    }

    // As clients of Chat carry the seals of others: Google's in `extra_content`, as its own
    // endpoint of this API writes it, Anthropic's in LiteLLM's `thinking_blocks`.
    void chat(Value body) {
        copy(body, [&](std::string_view key, Value value) {
            if (key != "messages" || !value.is_array()) return false;
            list(value, [&](Value turn) { chat_turn(turn); });
            return true;
        });
    }

    void responses(Value body) {
        to_.open('{');
        body.members([&](std::string_view key, Value value) {
            member(key);
            if (key != "input" || !value.is_array()) {
                to_.raw(value.raw());
                return;
            }
            to_.open('[');
            value.elements([&](Value item) {
                if (which_ != Which::all) {
                    foreign_item(item);
                } else if (item.at("type").is("reasoning")) {
                    done_ = true;
                } else {
                    unnamed(item);
                }
            });
            to_.close(']');
        });
        to_.close('}');
    }

    void gemini(Value body) {
        to_.open('{');
        body.members([&](std::string_view key, Value value) {
            member(key);
            if (key != "contents" || !value.is_array()) {
                to_.raw(value.raw());
                return;
            }
            to_.open('[');
            value.elements([&](Value content) { google_content(content); });
            to_.close(']');
        });
        to_.close('}');
    }

    std::string take() { return done_ ? std::move(text_) : std::string(); }

  private:
    static bool is_thought(Value block) {
        const auto type = block.at("type");
        return type.is("thinking") || type.is("redacted_thinking") ||
               block.at("reasoningContent").present();
    }

    bool goes(Value block) const {
        if (!is_thought(block)) return false;
        if (which_ == Which::all) return true;
        const bool redacted = block.at("type").is("redacted_thinking");
        const auto seal = block.at(redacted ? "data" : "signature");
        if (seal.content().starts_with(kSealMark)) return true;
        return which_ == Which::foreign_and_bare && !redacted && seal.content().empty();
    }

    bool has_thoughts(Value messages) const {
        bool any = false;
        messages.elements([&](Value turn) {
            turn.at("content").elements([&](Value block) { any = any || goes(block); });
        });
        return any;
    }

    /// The assistant's last turn calls tools, and keeps no thought.
    bool leaves_bare_call(Value messages) const {
        bool calls = false;
        bool thinks = false;
        messages.elements([&](Value turn) {
            if (!turn.at("role").is("assistant")) return;
            calls = thinks = false;
            turn.at("content").elements([&](Value block) {
                calls = calls || block.at("type").is("tool_use");
                thinks = thinks || (is_thought(block) && !goes(block));
            });
        });
        return calls && !thinks;
    }

    // `key` is decoded; it may have held escapes.
    void member(std::string_view key) {
        to_.text(key);
        text_ += ':';
    }

    /// The members of an object, but for those named `without` and for the values that
    /// own(key, value) writes itself.
    template <class Own>
    void copy(Value object, Own&& own, std::string_view without = {}) {
        if (!object.is_object()) {
            to_.raw(object.raw());
            return;
        }
        to_.open('{');
        object.members([&](std::string_view key, Value value) {
            if (!without.empty() && key == without) {
                done_ = true;
                return;
            }
            member(key);
            if (!own(key, value)) to_.raw(value.raw());
        });
        to_.close('}');
    }
    template <class Each>
    void list(Value array, Each&& each) {
        to_.open('[');
        array.elements(each);
        to_.close(']');
    }

    void chat_turn(Value turn) {
        const auto own = [&](std::string_view key, Value value) {
            if (key != "tool_calls" || !value.is_array()) return false;
            list(value, [&](Value call) { chat_call(call); });
            return true;
        };
        copy(turn, own, "thinking_blocks");
    }

    // A call must have a seal, or the sign that there is none.
    void chat_call(Value call) {
        copy(call, [&](std::string_view key, Value extra) {
            if (key != "extra_content" || !extra.is_object()) return false;
            copy(extra, [&](std::string_view vendor, Value google) {
                if (vendor != "google" || !google.is_object()) return false;
                copy(google, [&](std::string_view name, Value seal) {
                    if (name != "thought_signature") return false;
                    if (seal.raw() != kNoSeal) done_ = true;
                    to_.raw(kNoSeal);
                    return true;
                });
                return true;
            });
            return true;
        });
    }

    void turns(Value messages) {
        to_.open('[');
        messages.elements([&](Value turn) {
            bool sealed = false;
            bool other = false;
            turn.at("content").elements(
                [&](Value block) { (goes(block) ? sealed : other) = true; });
            if (!sealed) {
                to_.raw(turn.raw());
            } else if (other) {
                bare_turn(turn);
            }  // one that only thought is as good as none
        });
        to_.close(']');
    }

    void bare_turn(Value turn) {
        to_.open('{');
        turn.members([&](std::string_view key, Value value) {
            member(key);
            if (key != "content") {
                to_.raw(value.raw());
                return;
            }
            to_.open('[');
            value.elements([&](Value block) {
                if (!goes(block)) to_.raw(block.raw());
            });
            to_.close(']');
        });
        to_.close('}');
    }

    void foreign_item(Value item) {
        const bool foreign = item.at("type").is("reasoning") &&
                             item.at("encrypted_content").content().starts_with(kSealMark);
        if (foreign) {
            done_ = true;
        } else {
            to_.raw(item.raw());
        }
    }

    // An item that is known there by its id is refused without the thought that it was made with.
    void unnamed(Value item) {
        const auto type = item.at("type");
        const bool made = type.is("function_call") || type.is("custom_tool_call") ||
                          (type.is("message") && item.at("role").is("assistant"));
        if (!made) {
            to_.raw(item.raw());
            return;
        }
        to_.open('{');
        item.members([&](std::string_view key, Value value) {
            if (key == "id") return;
            member(key);
            to_.raw(value.raw());
        });
        to_.close('}');
    }

    // One that only thought is refused when it is empty.
    void google_content(Value content) {
        bool thought = false;
        bool other = false;
        content.at("parts").elements(
            [&](Value part) { (google_thought_goes(part) ? thought : other) = true; });
        if (thought && !other) {
            done_ = true;
            return;
        }
        if (!content.is_object()) {
            to_.raw(content.raw());
            return;
        }
        to_.open('{');
        content.members([&](std::string_view key, Value value) {
            member(key);
            if (key != "parts" || !value.is_array()) {
                to_.raw(value.raw());
                return;
            }
            to_.open('[');
            value.elements([&](Value part) { google_part(part); });
            to_.close(']');
        });
        to_.close('}');
    }

    bool google_thought_goes(Value part) const {
        if (!part.at("thought").is_true()) return false;
        return which_ == Which::all ||
               part.at("thoughtSignature").content().starts_with(kSealMarkBase64);
    }

    void google_part(Value part) {
        if (google_thought_goes(part)) {
            done_ = true;
            return;
        }
        if (which_ != Which::all || !part.is_object()) {
            to_.raw(part.raw());
            return;
        }
        to_.open('{');
        part.members([&](std::string_view key, Value value) {
            const bool seal = key == "thoughtSignature" || key == "thought_signature";
            if (!seal) {
                member(key);
                to_.raw(value.raw());
                return;
            }
            if (value.raw() != kNoSeal) done_ = true;
            // A call must have one; text need not.
            const bool call =
                part.at("functionCall").present() || part.at("function_call").present();
            if (call) to_.key("thoughtSignature").raw(kNoSeal);
        });
        to_.close('}');
    }

    const Which which_;
    std::string text_;
    Writer to_{text_};
    bool done_ = false;
};

// Every native request is looked through: glibc's search skips where find() would stop at each
// first letter.
std::size_t place_of(std::string_view what, std::string_view text, std::size_t from = 0) {
    const auto rest = text.substr(from);
    const void* const found = ::memmem(rest.data(), rest.size(), what.data(), what.size());
    if (found == nullptr) return std::string_view::npos;
    return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// A member of this name whose text is empty.
bool has_empty(std::string_view body, std::string_view quoted_name) {
    constexpr std::string_view kSpace = " \t\r\n";
    for (auto at = place_of(quoted_name, body); at != std::string_view::npos;
         at = place_of(quoted_name, body, at)) {
        at += quoted_name.size();
        const auto colon = body.find_first_not_of(kSpace, at);
        if (colon == std::string_view::npos || body[colon] != ':') continue;
        const auto value = body.find_first_not_of(kSpace, colon + 1);
        if (value != std::string_view::npos && body.substr(value).starts_with("\"\"")) return true;
    }
    return false;
}

}  // namespace

std::string without_foreign_seals(Dialect dialect, std::string_view body, bool demands_seals) {
    using Which = Unsealer::Which;
    const bool bare =
        demands_seals && dialect == Dialect::messages && has_empty(body, "\"signature\"");
    const auto mark = dialect == Dialect::gemini ? kSealMarkBase64 : kSealMark;
    if (!bare && place_of(mark, body) == std::string_view::npos) return {};
    Unsealer unsealer(body, demands_seals ? Which::foreign_and_bare : Which::foreign);
    const auto value = Value::of(body);
    if (dialect == Dialect::messages) {
        unsealer.messages(value);
    } else if (dialect == Dialect::responses) {
        unsealer.responses(value);
    } else if (dialect == Dialect::gemini) {
        unsealer.gemini(value);
    }
    return unsealer.take();
}

std::string without_seals(Dialect dialect, std::string_view body) {
    Unsealer unsealer(body);
    const auto value = Value::of(body);
    if (dialect == Dialect::chat) {
        unsealer.chat(value);
    } else if (dialect == Dialect::messages) {
        unsealer.messages(value);
    } else if (dialect == Dialect::converse) {
        unsealer.converse(value);
    } else if (dialect == Dialect::responses) {
        unsealer.responses(value);
    } else if (dialect == Dialect::gemini) {
        unsealer.gemini(value);
    }
    return unsealer.take();
}

}  // namespace understudy::dialects
