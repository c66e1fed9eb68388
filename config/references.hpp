// ${NAME}, ${NAME:-default}, ${file:/path} and $$ in the values of a document. Pure text
// substitution: nothing is executed, and what is put in is not looked at again.
#pragma once

#include "config/document.hpp"
#include "config/load.hpp"

#include <string>
#include <vector>

namespace understudy::config {

/// Resolves every scalar below `root`; keys are left alone. A variable that is not set, a file that
/// cannot be read and a reference that is not well formed are problems. Values never appear in
/// them.
void resolve_references(Element& root, const std::string& file, const Environment& env,
                        std::vector<Problem>& problems);

}  // namespace understudy::config
