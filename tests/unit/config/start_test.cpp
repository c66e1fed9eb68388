// Where the configuration comes from, and what the machine allows.
#include "config/presets.hpp"
#include "config/workers.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;
using Texts = std::vector<std::string>;

namespace {

// The working directory is part of the search order; every test here gets an empty one.
class Inside {
  public:
    explicit Inside(const TemporaryFolder& folder) : before_(std::filesystem::current_path()) {
        std::filesystem::current_path(folder.path());
    }
    ~Inside() { std::filesystem::current_path(before_); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

  private:
    std::filesystem::path before_;
};

std::string named(const std::string& name) {
    return "upstreams: [{ name: " + name + ", base_url: 'https://a.example/v1' }]\n";
}

std::string loaded_name(const std::optional<std::string>& path, const Variables& variables) {
    const Loaded loaded = load(path, environment(variables), {});
    return loaded.config ? loaded.config->upstreams[0].name : texts(loaded.problems).at(0);
}

}  // namespace

TEST_CASE("The file is searched for in a fixed order") {
    TemporaryFolder folder;
    const Inside inside(folder);
    const std::string given = folder.write("given.yaml", named("given"));
    const std::string pointed = folder.write("pointed.yaml", named("pointed"));
    folder.write("xdg/understudy/understudy.yaml", named("xdg"));
    folder.write("home/.config/understudy/understudy.yaml", named("home"));
    Variables all{{"UNDERSTUDY_CONFIG", pointed},
                  {"XDG_CONFIG_HOME", folder.path() + "/xdg"},
                  {"HOME", folder.path() + "/home"},
                  {"OPENAI_API_KEY", "k"}};
    const std::string here = folder.write("understudy.yaml", named("here"));

    REQUIRE(loaded_name(given, all) == "given");
    REQUIRE(loaded_name({}, all) == "pointed");
    all.erase("UNDERSTUDY_CONFIG");
    REQUIRE(loaded_name({}, all) == "here");
    std::filesystem::remove(here);
    REQUIRE(loaded_name({}, all) == "xdg");
    all.erase("XDG_CONFIG_HOME");
    REQUIRE(loaded_name({}, all) == "home");
    all.erase("HOME");
    if (!std::filesystem::exists("/etc/understudy/understudy.yaml")) {
        REQUIRE(loaded_name({}, all) == "openai");
    }
}

TEST_CASE("A file that is named or there but cannot be read is not passed over") {
    TemporaryFolder folder;
    const Inside inside(folder);
    const Variables key{{"OPENAI_API_KEY", "k"}};
    REQUIRE(loaded_name("missing.yaml", key) ==
            "missing.yaml: cannot be read: No such file or directory");
    Variables pointing = key;
    pointing["UNDERSTUDY_CONFIG"] = "/nonexistent.yaml";
    REQUIRE(
        loaded_name({}, pointing) ==
        "/nonexistent.yaml: cannot be read: No such file or directory ($UNDERSTUDY_CONFIG names "
        "it)");
    std::filesystem::create_directory(folder.path() + "/understudy.yaml");
    REQUIRE(loaded_name({}, key) == "understudy.yaml: cannot be read: it is a directory");
}

TEST_CASE("A configuration that came from the environment variable says so") {
    TemporaryFolder folder;
    const auto good = folder.write("good.yaml", upstream_with("model: m"));
    const auto bad = folder.write("bad.yaml", "listen: 1\n");
    const auto by_variable = load({}, environment({{"UNDERSTUDY_CONFIG", good}}), {});
    REQUIRE(by_variable.config);
    CHECK(by_variable.config->source == good);
    CHECK(by_variable.config->source_text() == good + " (from $UNDERSTUDY_CONFIG)");
    const auto given = load(good, environment({{"UNDERSTUDY_CONFIG", bad}}), {});
    REQUIRE(given.config);
    CHECK(given.config->source_text() == good);
    const auto wrong = load({}, environment({{"UNDERSTUDY_CONFIG", bad}}), {});
    REQUIRE(wrong.problems.size() > 1);
    CHECK(wrong.problems.back().message.find("$UNDERSTUDY_CONFIG names it") != std::string::npos);
}

TEST_CASE("Without a file, every API key makes an upstream in a fixed order") {
    TemporaryFolder folder;
    const Inside inside(folder);
    const Loaded loaded = load({},
                               environment({{"DEEPSEEK_API_KEY", "d"},
                                            {"OPENAI_API_KEY", "o"},
                                            {"OPENROUTER_API_KEY", "r"},
                                            {"GROQ_API_KEY", "g"},
                                            {"MISTRAL_API_KEY", "m"}}),
                               {});
    REQUIRE(texts(loaded.problems).empty());
    Texts urls;
    for (const Upstream& u : loaded.config->upstreams) {
        urls.push_back(u.name + " " + u.base_url.text() + " " + u.api_key->reveal() + " " +
                       u.price_provider);
    }
    REQUIRE(urls == Texts{"openai https://api.openai.com/v1 o openai",
                          "openrouter https://openrouter.ai/api/v1 r openrouter",
                          "groq https://api.groq.com/openai/v1 g groq",
                          "mistral https://api.mistral.ai/v1 m mistral",
                          "deepseek https://api.deepseek.com d deepseek"});
    REQUIRE(loaded.config->routes.size() == 1);
    REQUIRE(loaded.config->routes[0].chain.size() == 5);
    REQUIRE(loaded.config->source == "environment");
    REQUIRE(loaded.config->warnings.size() == 1);
}

TEST_CASE("Every service with one address for all starts by its key alone") {
    TemporaryFolder folder;
    const Inside inside(folder);
    Variables all;
    std::vector<std::string_view> expected;
    for (const Preset& preset : presets()) {
        for (const auto variable : preset.key_variables) {
            const bool starts = preset.kind == PresetKind::service && !preset.base_url.empty();
            if (!starts) continue;
            const Loaded one = load({}, environment({{std::string(variable), "k"}}), {});
            CAPTURE(variable);
            REQUIRE(one.config != nullptr);
            REQUIRE(one.config->upstreams.size() == 1);
            REQUIRE(one.config->upstreams[0].name == preset.name);
            REQUIRE(one.config->upstreams[0].key_variable == variable);
            all[std::string(variable)] = "k";
            if (expected.empty() || expected.back() != preset.name) {
                expected.push_back(preset.name);
            }
        }
    }
    const Loaded every = load({}, environment(all), {});
    std::vector<std::string_view> names;
    for (const Upstream& u : every.config->upstreams) names.push_back(u.name);
    REQUIRE(names == expected);
    REQUIRE(std::vector(names.begin(), names.begin() + 7) ==
            std::vector<std::string_view>{"openai", "anthropic", "gemini", "openrouter", "groq",
                                          "mistral", "deepseek"});
    REQUIRE(every.config->warnings.at(0).find("openai/gpt-4o at openrouter") != std::string::npos);
}

TEST_CASE("Keys of services without one address for all are named and left out") {
    TemporaryFolder folder;
    const Inside inside(folder);
    const Loaded mixed = load(
        {}, environment({{"AZURE_API_KEY", "a"}, {"GROQ_API_KEY", "g"}, {"OPENAI_API_KEY", ""}}),
        {});
    REQUIRE(mixed.config->upstreams.size() == 1);
    REQUIRE(mixed.config->upstreams[0].name == "groq");
    REQUIRE(mixed.config->warnings ==
            Texts{"environment: AZURE_API_KEY: is set but left out: `provider: azure` needs a "
                  "base_url; name it in a configuration file"});
    const Loaded alone = load({}, environment({{"AZURE_OPENAI_API_KEY", "a"}}), {});
    REQUIRE(alone.config == nullptr);
    REQUIRE(alone.problems.size() == 1);
    REQUIRE(alone.problems[0].path == "AZURE_OPENAI_API_KEY");
    // A key for a server of one's own does not say that one runs.
    const Loaded local = load({}, environment({{"OLLAMA_API_KEY", "a"}}), {});
    REQUIRE(local.config == nullptr);
    REQUIRE(texts(local.problems).at(0).find("Three ways to start") != std::string::npos);
    const Loaded broken = load({}, environment({{"OPENAI_API_KEY", "hunter2\n"}}), {});
    REQUIRE(texts(broken.problems) ==
            Texts{"environment: OPENAI_API_KEY: has a space, a line break or another character "
                  "that a key cannot have"});
}

TEST_CASE("With nothing at all, the three ways to start are named") {
    TemporaryFolder folder;
    const Inside inside(folder);
    if (std::filesystem::exists("/etc/understudy/understudy.yaml")) return;
    REQUIRE(texts(load({}, environment({}), {}).problems) ==
            Texts{"understudy: no configuration found. Three ways to start: write understudy.yaml "
                  "here (or name a file with -c FILE or $UNDERSTUDY_CONFIG); set an API key such "
                  "as OPENAI_API_KEY; or run `understudy demo` to see it work without any key"});
}

TEST_CASE("The CPU quota is the smallest along the cgroups of both versions") {
    TemporaryFolder root;
    root.write("a/b/cpu.max", "max 100000\n");
    root.write("a/cpu.max", "250000 100000\n");
    root.write("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "50000\n");
    root.write("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
    root.write("cpu/cpu.cfs_quota_us", "-1\n");
    root.write("cpu/cpu.cfs_period_us", "100000\n");
    REQUIRE(cgroup_cpus("0::/a/b\n", root.path()) == 2.5);
    REQUIRE(cgroup_cpus("0::/a/b/not-mounted\n", root.path()) == 2.5);
    REQUIRE(cgroup_cpus("4:cpu,cpuacct:/docker/x\n1:memory:/docker/x\n", root.path()) == 0.5);
    REQUIRE_FALSE(cgroup_cpus("4:cpuset:/a\n", root.path()));
    REQUIRE_FALSE(cgroup_cpus("7:cpu:/\n", root.path()));
    REQUIRE_FALSE(cgroup_cpus("", root.path()));
    REQUIRE_FALSE(cgroup_cpus("nonsense\n0::\n:\n", root.path()));
}

TEST_CASE("There is always a worker, and a part of a CPU counts as one") {
    REQUIRE(workers_for(8, std::nullopt) == 8);
    REQUIRE(workers_for(8, 2.5) == 3);
    REQUIRE(workers_for(2, 4.0) == 2);
    REQUIRE(workers_for(8, 0.1) == 1);
    REQUIRE(workers_for(0, std::nullopt) == 1);
    REQUIRE(workers_for(1'000, std::nullopt) == 256);
    REQUIRE(auto_workers() >= 1);
}
