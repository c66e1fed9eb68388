// From text, environment and files to a validated Config, or to the list of everything that is
// wrong with it.
#pragma once

#include "config/config.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace understudy::config {

/// One thing wrong, or worth a warning.
struct Problem {
    std::string file;  // "understudy.yaml", or "environment"
    int line = 0;      // 1-based; 0 unknown
    int column = 0;
    std::string path;     // "upstreams[0].timeouts.connect"
    std::string message;  // what is wrong, what was expected, what to do; never a secret's value
    std::string text() const;  // "understudy.yaml:7:14: upstreams[0].timeouts.connect: ..."
};

struct Loaded {
    std::shared_ptr<const Config> config;  // null when there are problems
    std::vector<Problem> problems;
};

/// Reads variables; the real environment in production, a map in tests.
using Environment = std::function<std::optional<std::string>(std::string_view)>;
Environment process_environment();

/// What overrides the file, from the command line.
struct Overrides {
    std::vector<std::string> listen;  // ADDR:PORT
    bool insecure = false;            // serve beyond loopback without keys
    std::string profiles;             // folder of LLM profiles; "" as the file says
    std::vector<std::string> chain;   // one route for every model instead of the file's; empty: no
};

/// Parses and validates one document. `file` names it in problems. All problems are reported, not
/// the first only.
Loaded load_text(std::string_view yaml, const std::string& file, const Environment& env,
                 const Overrides& overrides);

/// The configuration that `serve` would run: `path` if given, else the search order of
/// docs/configuration.md, else from the environment's API keys. The problem names all three ways to
/// start when there is nothing.
Loaded load(const std::optional<std::string>& path, const Environment& env,
            const Overrides& overrides);

/// The ledger of that configuration, and nothing else of it: what is wrong or cannot be resolved
/// elsewhere (a variable that is not set here) is no problem. Without any file, the usual one.
struct LoadedLedger {
    std::optional<Ledger> ledger;  // absent: off, or there are problems
    std::vector<Problem> problems;
};
LoadedLedger load_ledger(const std::optional<std::string>& path, const Environment& env);

/// What the overrides say by themselves (`profiles`, `chain`), whatever files there are.
Loaded load_overrides(const Environment& env, const Overrides& overrides);

/// Number of workers for `workers: auto`: the CPUs of the affinity mask, less where a cgroup quota
/// says so; at least 1.
std::uint32_t auto_workers();

}  // namespace understudy::config
