// The services and servers that `provider:` can name: where they are, how a key is sent to them and
// what they do not take of an OpenAI-style chat request. Data, one row each, compiled in;
// immutable, so any thread may read it. Everything a row does not say is as at OpenAI.
#pragma once

#include "wire/dialect.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace understudy::config {

/// A short list of words, fixed when the program is built.
class Words {
  public:
    static constexpr std::size_t kMost = 24;
    template <class... Word>
        requires(sizeof...(Word) <= kMost)
    constexpr Words(Word... word) : items_{std::string_view(word)...}, count_(sizeof...(Word)) {}
    constexpr const std::string_view* begin() const { return items_.data(); }
    constexpr const std::string_view* end() const { return items_.data() + count_; }
    constexpr bool empty() const { return count_ == 0; }
    constexpr std::string_view front() const { return empty() ? std::string_view() : items_[0]; }
    constexpr bool contains(std::string_view word) const {
        return std::find(begin(), end(), word) != end();
    }

  private:
    std::array<std::string_view, kMost> items_{};
    std::size_t count_ = 0;
};

/// A top-level number of the request that is moved into this range.
struct MemberBound {
    std::string_view member;
    double least = 0;
    double most = 0;
};

struct MemberRename {
    std::string_view from;
    std::string_view to;
};

/// What one service does not take although OpenAI does. Only top-level members.
struct Quirks {
    Words drop = {};                                    // refused or without meaning there
    Words max_tokens_from = {};                         // members that are sent as `max_tokens`
    std::optional<MemberRename> rename = std::nullopt;  // one more
    std::optional<MemberBound> bound = std::nullopt;
    bool one_choice = false;              // `n` must be 1
    bool refuses_stream_options = false;  // usage comes without being asked for
    bool nine_letter_ids = false;         // of tool calls; others are refused
    bool reasoning_beside = false;        // not among completion_tokens, nor in the total
};

enum class PresetKind : std::uint8_t {
    service,  // somebody else's, wants a key
    local,    // runs on one's own machines, needs none
};

/// How a server is told to go on with an answer whose beginning it is given.
enum class PrefillKind : std::uint8_t {
    none,                    // a last assistant message is answered or refused, not continued
    assistant,               // a last assistant message is continued
    prefix,                  // the same, when it has `"prefix": true`
    partial,                 // the same, when it has `"partial": true`
    continue_final_message,  // the same, when the request has `"continue_final_message": true` and
                             // `"add_generation_prompt": false`
};

/// Where a service speaks another API than OpenAI's.
struct NativeApi {
    wire::Dialect dialect = wire::Dialect::chat;
    std::string_view base_url = {};  // empty: there is none
    bool preferred = false;          // spoken unless the configuration says otherwise
};

struct Preset {
    std::string_view name;
    std::string_view
        base_url;  // of OpenAI's API there; empty: it differs from customer to customer
    NativeApi native = {};
    Words hosts = {};                      // where it answers, and below; none for local servers
    Words key_variables = {};              // the first one that is set is used
    std::string_view price_provider = {};  // litellm_provider in price files; "" where none applies
    Words prefixes = {};                   // of model names in LiteLLM's form, without the slash
    PresetKind kind = PresetKind::service;
    std::string_view key_header = {};  // empty: Authorization: Bearer
    Quirks quirks = {};
    PrefillKind prefill = PrefillKind::none;
    std::string_view prefill_path = {};  // base path for such requests; empty: as for all others
    // A schema is enforced from the first new token on: behind a prefill it would begin anew.
    bool schema_from_start = false;
    std::string_view reasoning = {};  // member of a delta that holds reasoning; "" none
    bool takes_reasoning = false;     // in which that of earlier turns goes back, too

    /// What is spoken there unless the configuration says otherwise.
    constexpr wire::Dialect usual_dialect() const {
        return native.preferred ? native.dialect : wire::Dialect::chat;
    }
    /// Where it speaks this dialect; "" nowhere that is known.
    constexpr std::string_view base_url_of(wire::Dialect dialect) const {
        if (dialect == native.dialect && !native.base_url.empty()) return native.base_url;
        const bool openais = dialect == wire::Dialect::chat || dialect == wire::Dialect::responses;
        return openais ? base_url : std::string_view();
    }
};

/// All of them, in the order of the documentation, which is also the order of the
/// zero-configuration start.
std::span<const Preset> presets();

/// The row of `provider: NAME`, or null.
const Preset* find_preset(std::string_view name);

/// A model name in LiteLLM's form, taken apart.
struct PresetModel {
    const Preset* preset = nullptr;  // never null
    std::string model;               // without the provider's prefix, never empty
};

/// "groq/llama-3.3-70b" is the model "llama-3.3-70b" at groq; "openrouter/openai/gpt-4o" is
/// "openai/gpt-4o" at openrouter. A bare name goes where LiteLLM sends it when its family says so
/// ("gpt-4o", "claude-..."). Null when the prefix is none of ours or nothing stands behind it.
std::optional<PresetModel> preset_of_model(std::string_view litellm_name);

}  // namespace understudy::config
