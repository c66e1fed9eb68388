// What the commands that read a ledger share: where it is, how it is opened, how an answer is
// printed. What goes wrong is told on stderr.
#pragma once

#include "cmd/configured.hpp"
#include "ledger/reader.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::cmd {

/// `given`, or what the configuration says of the ledger, which needs none of its secrets.
std::optional<std::string> ledger_or_explain(const ConfigOptions& options,
                                             const std::string& given);

/// Open, for a few questions; null: it cannot be.
std::unique_ptr<ledger::Reader> open_or_explain(const std::string& path);
/// That a question failed.
void explain_unreadable(const std::string& path, const ledger::Reader& reader);

/// To stdout, all of it; false: that failed.
bool print_or_explain(std::string_view text);

}  // namespace understudy::cmd
