// The subcommands. Each file registers its options on the CLI11 app and returns the function to
// run.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace understudy::cmd {

/// Exit codes; docs/operations.md has them.
inline constexpr int kOk = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;
inline constexpr int kCannotBind = 3;

/// Runs the chosen subcommand and returns the exit code.
using Run = std::function<int()>;

Run add_serve(CLI::App& app);
Run add_check(CLI::App& app);
Run add_explain(CLI::App& app);
Run add_mock(CLI::App& app);
Run add_demo(CLI::App& app);
Run add_profiles(CLI::App& app);
Run add_usage(CLI::App& app);
/// Below `usage`.
Run add_reconcile(CLI::App& app);
Run add_key(CLI::App& app);
Run add_health(CLI::App& app);

}  // namespace understudy::cmd
