// What the tests of this room share: a fixed environment and short ways to load and to look.
#pragma once

#include "config/load.hpp"
#include "source_path.hpp"

#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::config::test {

using Variables = std::map<std::string, std::string, std::less<>>;

inline Environment environment(Variables variables) {
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    };
}

inline Loaded load_yaml(std::string_view yaml, Variables variables = {},
                        const Overrides& overrides = {}) {
    return load_text(yaml, "u.yaml", environment(std::move(variables)), overrides);
}

inline std::vector<std::string> texts(const std::vector<Problem>& problems) {
    std::vector<std::string> out;
    for (const Problem& problem : problems) out.push_back(problem.text());
    return out;
}

inline std::vector<std::string> problems_of(std::string_view yaml, Variables variables = {},
                                            const Overrides& overrides = {}) {
    return texts(load_yaml(yaml, std::move(variables), overrides).problems);
}

/// One upstream named `one`, to which `rest` (indented by four) is added.
inline std::string upstream_with(std::string_view rest) {
    return "upstreams:\n  - name: one\n    base_url: https://a.example/v1\n    " +
           std::string(rest) + "\n";
}

/// Upstreams `one` and `two`, and a route with `rest` added.
inline std::string route_with(std::string_view rest) {
    return "upstreams:\n  - { name: one, base_url: 'https://a.example/v1' }\n"
           "  - { name: two, base_url: 'https://b.example/v1', model: own }\n"
           "routes:\n  - " +
           std::string(rest) + "\n";
}

/// A folder that goes away with the test.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "config_XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::string& path() const { return path_; }
    std::string write(const std::string& name, std::string_view text) const {
        const std::filesystem::path file = std::filesystem::path(path_) / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
        return file.string();
    }

  private:
    std::string path_;
};

inline std::string read_source(const std::string& relative) {
    std::ifstream file(understudy::test::source_path(relative));
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace understudy::config::test
