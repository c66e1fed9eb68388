// What the answers of an upstream mean for the person who set it up: one row of the probe's table,
// with a sentence that says what is wrong, where, and what to do. Pure.
#pragma once

#include "cmd/probe/heard.hpp"
#include "config/config.hpp"

#include <string>
#include <string_view>

namespace understudy::cmd::probe {

/// Asked for where neither the configuration, nor a list, nor the price table knows a model: the
/// refusal still tells whether the key is right.
inline constexpr std::string_view kStandIn = "understudy-probe";

/// Where the model that was asked for came from.
enum class Origin {
    configured,  // the configuration, or --model
    listed,      // the upstream's own list
    priced,      // the built-in price table
    stand_in,
};

struct Asked {
    std::string model;
    Origin origin = Origin::configured;
};

/// One line of the table; "-" where a question was never reached.
struct Row {
    Row() = default;
    std::string name, dns = "-", tcp = "-", tls = "-", key = "-", model = "-", streams = "-",
                      usage = "-", first_token = "-", verdict;
    enum class State { usable, remark, problem } state = State::problem;
};

/// Whether the upstream could not even be reached, so that nothing further can be asked.
bool unreachable(const config::Upstream& upstream, const Heard& heard);

/// The row of an upstream that cannot be reached; `why` is explain_silence() or explain_scheme().
Row row_of_unreachable(const config::Upstream& upstream, const Heard& heard, std::string why);

/// The row of one question.
Row row_of_answer(const config::Upstream& upstream, const Listing& listing, const Asked& asked,
                  const Told& told);

/// A model that was chosen, not configured, may be the wrong one: another is worth a try.
bool may_try_another(const Heard& heard);

}  // namespace understudy::cmd::probe
