#include "dialects/unsealed.hpp"

#include "dialects/value.hpp"
#include "wire/answer.hpp"

#include <algorithm>
#include <array>

namespace understudy::dialects {

using wire::Dialect;

namespace {

// What Google takes in place of a seal that is not there
// (https://ai.google.dev/gemini-api/docs/thought-signatures).
constexpr std::string_view kNoSeal = R"("skip_thought_signature_validator")";

// As the APIs word it: Anthropic ("Invalid `signature` in `thinking` block", "Invalid `data` in
// `redacted_thinking` block", "`thinking` or `redacted_thinking` blocks in the latest assistant
// message cannot be modified", "... must start with a thinking block"), OpenAI
// ("invalid_encrypted_content", "The encrypted content ... could not be verified", "Item with id
// 'rs_...' not found", "... was provided without its required 'reasoning' item"), Google ("Thought
// signature is not valid", "missing a thought_signature"), Bedrock in its own words ("User messages
// cannot contain reasoning content", "... the reasoningContent... field") and in those of its
// models. All words of one row have to be there.
constexpr std::array<std::array<std::string_view, 2>, 13> kRefusals{{
    {"signature", "thinking"},
    {"data", "redacted_thinking"},
    {"thinking", "cannot be modified"},
    {"start with a thinking", "block"},
    {"thinking", "bound to a different"},
    {"invalid_encrypted_content", ""},
    {"encrypted content", "could not be"},
    {"item with id 'rs_", "not found"},
    {"without its required 'reasoning' item", ""},
    {"thought_signature", ""},
    {"thought signature", ""},
    {"reasoning content", ""},
    {"reasoningcontent", ""},
}};

/// Copies an object or a list, with some of what is in it left out or replaced.
class Unsealer {
  public:
    explicit Unsealer(std::string_view body) { text_.reserve(body.size()); }

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
        const bool demands = thinking.at("type").is("enabled");
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
                if (item.at("type").is("reasoning")) {
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

    static bool has_thoughts(Value messages) {
        bool any = false;
        messages.elements([&](Value turn) {
            turn.at("content").elements([&](Value block) { any = any || is_thought(block); });
        });
        return any;
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
                [&](Value block) { (is_thought(block) ? sealed : other) = true; });
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
                if (!is_thought(block)) to_.raw(block.raw());
            });
            to_.close(']');
        });
        to_.close('}');
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
            [&](Value part) { (part.at("thought").is_true() ? thought : other) = true; });
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

    void google_part(Value part) {
        if (part.at("thought").is_true()) {
            done_ = true;
            return;
        }
        if (!part.is_object()) {
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

    std::string text_;
    Writer to_{text_};
    bool done_ = false;
};

}  // namespace

bool refuses_seals(unsigned status, std::string_view error_body) {
    if (status != 400 && status != 422) return false;
    const auto facts = wire::parse_error_body(error_body);
    std::string said = facts.message + ' ' + facts.code;
    std::transform(said.begin(), said.end(), said.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return std::any_of(kRefusals.begin(), kRefusals.end(), [&](const auto& words) {
        return std::all_of(words.begin(), words.end(),
                           [&](auto word) { return said.find(word) != std::string::npos; });
    });
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
