// How a broken answer may be continued: which rungs its request and what was sent leave, and which
// of them an upstream is asked with. Pure; the exchange asks when a committed stream has broken.
//
//   prefill   the upstream is given the text so far as the beginning of its own answer
//   instruct  it is asked to go on behind the last words
//   restart   it is asked anew, and what was sent is dropped as long as it is the same
#pragma once

#include "config/config.hpp"
#include "config/presets.hpp"
#include "proxy/rescue/transcript.hpp"
#include "wire/dialect.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::proxy::rescue {

enum class Rung : std::uint8_t { prefill, instruct, restart };

/// The word in the trace, the log and the stream's comment.
std::string_view name_of(Rung rung) noexcept;

struct Rungs {
    bool prefill = false;
    bool instruct = false;
    bool restart = false;
    const char* why_none = nullptr;  // static text, when there is none
    bool any() const noexcept { return prefill || instruct || restart; }
};

/// What a request wants of its answer, in any API, as far as it decides who may go on with it.
struct Wishes {
    bool conversation = false;  // there are turns to which one can be added
    bool one_choice = true;
    bool logprobs = false;
    bool tools = false;     // offered
    bool schema = false;    // a form other than text is demanded
    bool audio = false;     // more than text is
    bool thinking = false;  // thoughts before the answer are
};

/// The rungs that any upstream may be asked with.
Rungs allowed_rungs(const Transcript& transcript, const Wishes& wishes);

/// What decides among the allowed rungs at one upstream.
struct Capabilities {
    config::Continuation setting = config::Continuation::automatic;
    config::PrefillKind prefill = config::PrefillKind::none;
    bool schema_from_start = false;   // a schema and a prefill exclude each other
    bool prefill_refused = false;     // it has refused a prefill of this model
    bool thinks_or_prefills = false;  // it takes no prefill where thoughts are asked for
    std::optional<Rung> tried;        // in vain for this answer: only what is below is left
};
/// Those of an upstream for a client of this dialect and this model; `refused` as PrefillRefusals
/// knows.
Capabilities capabilities_of(const config::Upstream& upstream, bool refused,
                             wire::Dialect client = wire::Dialect::chat,
                             std::string_view model = {});

/// The rung to ask with; nullopt: this upstream cannot continue. The setting names the highest
/// rung, and from there it goes down to what is allowed.
std::optional<Rung> choose_rung(const Rungs& allowed, const Capabilities& can,
                                const Wishes& wishes);

/// How a prefill is marked there. `continuation: prefill` at a server of which nothing is known
/// sends a plain assistant message. `none` where either side speaks Responses, which has no way to
/// say it, where the mark is one of chat's and the client speaks otherwise, and where a translation
/// would be for a model that is known to take none.
config::PrefillKind prefill_kind(const config::Upstream& upstream,
                                 wire::Dialect client = wire::Dialect::chat,
                                 std::string_view model = {});

/// The base path to which a prefill goes there (DeepSeek's beta); empty: the usual one. Only the
/// provider itself has it, no server of the same kind elsewhere.
std::string_view prefill_path(const config::Upstream& upstream);

/// Whether an error says that this server or model takes no prefill, whatever its status: then it
/// is to be remembered. Any other 400 or 422 to a prefill is worth the next rung as well, and says
/// the same where that is then taken.
bool refuses_prefill(std::string_view body);

}  // namespace understudy::proxy::rescue
