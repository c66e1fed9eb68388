// Where the repository is, for tests that read its files.
#pragma once

#include <string>

namespace understudy::test {

/// The path of a file or folder of the repository: source_path("docs").
std::string source_path(const std::string& relative);

}  // namespace understudy::test
