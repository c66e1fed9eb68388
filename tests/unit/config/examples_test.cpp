// What the documentation shows must load, or it teaches mistakes.
#include "config/document.hpp"
#include "config/key_table.hpp"
#include "source_path.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

#include <sstream>

using namespace understudy::config;
using namespace understudy::config::test;

namespace {

struct Block {
    std::string place;  // "docs/failover.md:42"
    std::string text;
};

std::vector<Block> yaml_blocks(const std::string& file) {
    std::vector<Block> blocks;
    std::istringstream lines(read_source(file));
    bool inside = false;
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (inside && line.starts_with("```")) {
            inside = false;
        } else if (inside) {
            blocks.back().text += line + "\n";
        } else if (line == "```yaml") {
            inside = true;
            blocks.push_back({file + ":" + std::to_string(number), ""});
        }
    }
    return blocks;
}

bool is_configuration(const std::string& text) {
    for (const KeySpec& key : top_keys()) {
        const std::string start = std::string(key.name) + ":";
        if (text.starts_with(start) || text.find("\n" + start) != std::string::npos) return true;
    }
    return false;
}

// Fragments show one setting; the rest is what every document needs.
std::string completed(const std::string& text) {
    if (text.starts_with("upstreams:") || text.find("\nupstreams:") != std::string::npos) {
        return text;
    }
    std::string upstreams = "upstreams:\n";
    for (const std::string name : {"primary", "backup", "openai", "openrouter", "local"}) {
        upstreams += "  - { name: " + name + ", base_url: 'https://" + name + ".example/v1' }\n";
    }
    return upstreams + text;
}

}  // namespace

TEST_CASE("Every YAML example of the documentation loads") {
    std::vector<std::string> files{"README.md"};
    const auto docs = std::filesystem::path(understudy::test::source_path("docs"));
    for (const auto& entry : std::filesystem::directory_iterator(docs)) {
        if (entry.path().extension() == ".md") {
            files.push_back("docs/" + entry.path().filename().string());
        }
    }
    // Any variable is set, as long as it looks like one.
    const Environment env = [](std::string_view name) -> std::optional<std::string> {
        if (name == "HOME") return "/home/user";
        return "value-of-" + std::string(name);
    };
    std::size_t loaded_blocks = 0;
    for (const std::string& file : files) {
        for (const Block& block : yaml_blocks(file)) {
            if (!is_configuration(block.text)) continue;  // Prometheus, Compose ...
            CAPTURE(block.place);
            // Relative paths start at the root of the repository.
            const Loaded loaded =
                load_text(completed(block.text), understudy::test::source_path("u.yaml"), env, {});
            REQUIRE(texts(loaded.problems) == std::vector<std::string>{});
            ++loaded_blocks;
        }
    }
    REQUIRE(loaded_blocks >= 4);
}

TEST_CASE("The full examples show every key") {
    std::string shown;
    for (const Block& block : yaml_blocks("docs/configuration.md")) shown += block.text;
    for (const KeyPath& key : all_keys()) {
        CAPTURE(key.path);
        if (key.path == "upstreams[].tls.ca") continue;  // needs a certificate that exists
        if (key.path == "profiles") continue;            // ... a folder that exists
        REQUIRE(shown.find(std::string(key.spec->name) + ":") != std::string::npos);
    }
}

TEST_CASE("The configurations for containers load without a warning") {
    const Environment env = [](std::string_view) -> std::optional<std::string> {
        return "0123456789abcdefghijklmn";
    };
    const std::string manifest = read_source("docker/kubernetes.yaml");
    std::string embedded;
    std::istringstream lines(manifest.substr(manifest.find("understudy.yaml: |\n") + 19));
    for (std::string line; std::getline(lines, line) && line != "---";) {
        // The files of the pod are not here; what they hold is any key.
        const std::size_t file = line.find("${file:");
        if (file != std::string::npos) line.replace(file, line.find('}') - file, "${KEY");
        embedded += line.substr(std::min<std::size_t>(line.size(), 4)) + "\n";
    }
    for (const std::string& text : {read_source("docker/understudy.container.yaml"), embedded}) {
        CAPTURE(text);
        const Loaded loaded = load_text(text, "u.yaml", env, {});
        REQUIRE(texts(loaded.problems) == std::vector<std::string>{});
        REQUIRE(loaded.config->warnings == std::vector<std::string>{});
    }
}
