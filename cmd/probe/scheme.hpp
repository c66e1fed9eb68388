// Whether an upstream is spoken to with the wrong scheme: TLS to a port that speaks plain HTTP, or
// the other way round. Pure.
#pragma once

#include "cmd/probe/heard.hpp"
#include "config/config.hpp"

#include <string>

namespace understudy::cmd::probe {

/// What an outcome says about the scheme.
enum class Doubt {
    none,
    possible,  // the other scheme may well explain it: worth a try
    likely,    // hardly anything else explains it
};

/// How doubtful the scheme of base_url is after this.
Doubt doubt_scheme(const config::BaseUrl& base, const Heard& heard);

/// The same place by the other scheme; a port that is the scheme's own becomes the other's.
config::BaseUrl other_scheme(const config::BaseUrl& base);

/// The sentence for it. `proven`: the port was tried with the other scheme, and it answered.
std::string explain_scheme(const config::BaseUrl& base, bool proven);

}  // namespace understudy::cmd::probe
