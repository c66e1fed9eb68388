// One source of truth: the key table, the JSON Schema, docs/configuration.md and the readers name
// the same keys with the same defaults.
#include "config/key_table.hpp"

#include "config/document.hpp"
#include "config/scalars.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <set>
#include <sstream>

using namespace understudy::config;
using namespace understudy::config::test;
using nlohmann::json;

namespace {

using Rows = std::map<std::string, std::pair<std::string, std::string>>;  // path -> type, default

// ---- the schema --------------------------------------------------------------------------------

const json& follow(const json& root, const json& node) {
    if (!node.contains("$ref")) return node;
    return root.at(json::json_pointer(node.at("$ref").get<std::string>().substr(1)));
}

std::string as_written(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    std::string out = "[";
    for (const json& item : value) out += (out.size() > 1 ? ", " : "") + as_written(item);
    return out + "]";
}

// Walks everything an object of this schema may hold; free maps (headers, body.set) have no keys.
void walk(const json& root, const json& written, const std::string& prefix,
          std::map<std::string, std::string>& out) {
    const json& node = follow(root, written);
    for (const char* any : {"anyOf", "oneOf"}) {
        if (!node.contains(any)) continue;
        for (const json& variant : node.at(any)) walk(root, variant, prefix, out);
    }
    if (node.contains("items")) {
        walk(root, node.at("items"), prefix.substr(0, prefix.size() - 1) + "[].", out);
    }
    if (!node.contains("properties")) return;
    REQUIRE(node.at("additionalProperties") == false);
    for (const auto& [name, child] : node.at("properties").items()) {
        const json& target = follow(root, child);
        CAPTURE(prefix + name);
        REQUIRE((child.contains("description") || target.contains("description")));
        const bool required = node.contains("required") &&
                              std::find(node.at("required").begin(), node.at("required").end(),
                                        name) != node.at("required").end();
        out[prefix + name] = child.contains("default") ? as_written(child.at("default"))
                             : required                ? "required"
                                                       : "none";
        walk(root, child, prefix + name + ".", out);
    }
}

// ---- the documentation -------------------------------------------------------------------------

std::string trimmed(std::string text) {
    text.erase(0, text.find_first_not_of(" `"));
    text.erase(text.find_last_not_of(" `") + 1);
    return text;
}

// Rows of tables whose first column is headed "key".
Rows documented() {
    Rows rows;
    std::istringstream lines(read_source("docs/configuration.md"));
    bool in_table = false;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("|")) in_table = false;
        if (line.starts_with("| key |")) in_table = true;
        if (!in_table || !line.starts_with("| `")) continue;
        std::vector<std::string> cells;
        std::istringstream parts(line.substr(1));
        for (std::string cell; std::getline(parts, cell, '|');) cells.push_back(trimmed(cell));
        CAPTURE(line);
        REQUIRE(cells.size() >= 5);
        REQUIRE_FALSE(cells[4].empty());
        REQUIRE(rows.emplace(cells[0], std::pair{cells[1], cells[2]}).second);
    }
    return rows;
}

// ---- the readers -------------------------------------------------------------------------------

// A document that holds every key of the table, as text with the value of `broken` replaced by one
// that nothing accepts: a list in a list.
std::string document_with_broken(std::span<const KeySpec> keys, const std::string& prefix,
                                 const std::string& broken) {
    std::string out = "{";
    for (const KeySpec& key : keys) {
        const std::string path = prefix + std::string(key.name);
        if (out.size() > 1) out += ", ";
        out += std::string(key.name) + ": ";
        if (path == broken) {
            out += key.type == "map" || key.type == "section" ? "x" : "[[[x]]]";
        } else if (!key.children.empty()) {
            const std::string inner =
                document_with_broken(key.children, path + (key.each ? "[]." : "."), broken);
            out += key.each ? "[" + inner + "]" : inner;
        } else if (key.type == "map") {
            out += "{ a: b }";
        } else if (path == "routes[].chain") {
            out += "[\"1s\"]";
        } else if (key.type == "list") {
            out += "[]";
        } else {
            out += "1s";
        }
    }
    return out + "}";
}

}  // namespace

TEST_CASE("Schema, documentation and parser list the same keys with the same defaults") {
    const json schema = json::parse(read_source("config/understudy.schema.json"));
    std::map<std::string, std::string> in_schema;
    walk(schema, schema, "", in_schema);
    const Rows in_docs = documented();

    std::set<std::string> known;
    for (const KeyPath& key : all_keys()) {
        CAPTURE(key.path);
        known.insert(key.path);
        REQUIRE(in_schema.count(key.path) == 1);
        // A $ref'd breaker has its defaults in one place, so compare what is said there.
        REQUIRE(in_schema.at(key.path) == key.spec->fallback);
        REQUIRE(in_docs.count(key.path) == 1);
        REQUIRE(in_docs.at(key.path).first == key.spec->type);
        REQUIRE(in_docs.at(key.path).second == key.spec->fallback);
    }
    for (const auto& [path, fallback] : in_schema) {
        CAPTURE(path);
        REQUIRE(known.count(path) == 1);
    }
    for (const auto& [path, row] : in_docs) {
        CAPTURE(path);
        REQUIRE(known.count(path) == 1);
    }
}

TEST_CASE("Every key of the table is read: a value it cannot have is a problem right there") {
    for (const KeyPath& key : all_keys()) {
        CAPTURE(key.path);
        const std::string yaml = document_with_broken(top_keys(), "", key.path);
        CAPTURE(yaml);
        std::string expected = key.path;
        for (std::size_t at; (at = expected.find("[]")) != std::string::npos;) {
            expected.replace(at, 2, "[0]");
        }
        const auto loaded = load_yaml(yaml);
        const bool found = std::any_of(
            loaded.problems.begin(), loaded.problems.end(), [&](const Problem& problem) {
                const bool inside = problem.path.rfind(expected + "[0]", 0) == 0;
                return (problem.path == expected || inside) &&
                       problem.message.rfind("expected", 0) == 0;
            });
        CAPTURE(texts(loaded.problems));
        REQUIRE(found);
        for (const Problem& problem : loaded.problems) {
            REQUIRE(problem.message.rfind("unknown key", 0) != 0);
        }
    }
}

TEST_CASE("The defaults that are written down are the defaults of the program") {
    const auto written = [](std::string_view path) {
        for (const KeyPath& key : all_keys()) {
            if (key.path == path) return std::string(key.spec->fallback);
        }
        FAIL("no such key: " << path);
        return std::string();
    };
    const auto duration = [&](std::string_view path) {
        return *parse_duration(written(path)).value;
    };
    const auto size = [&](std::string_view path) { return *parse_size(written(path)).value; };
    const Timeouts timeouts;
    REQUIRE(duration("upstreams[].timeouts.connect") == timeouts.connect);
    REQUIRE(duration("upstreams[].timeouts.first_token") == timeouts.first_token);
    REQUIRE(duration("upstreams[].timeouts.response") == timeouts.response);
    REQUIRE(duration("upstreams[].timeouts.idle") == timeouts.idle);
    REQUIRE(duration("upstreams[].timeouts.total") == timeouts.total);
    REQUIRE(size("upstreams[].max_connections") == Upstream{}.max_connections);
    const Route route;
    REQUIRE(size("routes[].retries") == route.retries);
    REQUIRE(duration("routes[].retry.base") == route.retry.base);
    REQUIRE(duration("routes[].retry.max") == route.retry.max);
    REQUIRE(duration("routes[].retry.max_retry_after") == route.retry.max_retry_after);
    REQUIRE(duration("routes[].deadline") == route.deadline);
    REQUIRE(size("breaker.failures") == Breaker{}.failures);
    REQUIRE(duration("breaker.window") == Breaker{}.window);
    REQUIRE(duration("breaker.cooldown") == Breaker{}.cooldown);
    REQUIRE(duration("upstreams[].health.interval") == HealthCheck{}.interval);
    REQUIRE(*parse_number(written("retry_budget.percent")).value == RetryBudget{}.percent);
    REQUIRE(size("retry_budget.min") == RetryBudget{}.min);
    REQUIRE(*parse_percent(written("routes[].hedge.budget")).value == Hedge{}.budget_percent);
    const Limits limits;
    REQUIRE(size("limits.header") == limits.header_bytes);
    REQUIRE(size("limits.header_count") == limits.header_count);
    REQUIRE(size("limits.body") == limits.body_bytes);
    REQUIRE(size("limits.memory") == limits.memory_bytes);
    REQUIRE(size("limits.connections") == limits.connections);
    REQUIRE(duration("limits.header_timeout") == limits.header_timeout);
    REQUIRE(duration("limits.body_timeout") == limits.body_timeout);
    REQUIRE(duration("limits.keepalive") == limits.keepalive);
    REQUIRE(size("limits.buffer_response") == limits.buffer_response_bytes);
    REQUIRE(duration("drain") == Config{}.drain);
    REQUIRE(written("listen") == Config{}.listen[0].text());
    std::string classes;
    for (std::size_t i = 0; i < understudy::wire::kFailureClassCount; ++i) {
        if (!route.fallback_on.contains(static_cast<understudy::wire::FailureClass>(i))) continue;
        classes +=
            (classes.empty() ? "[" : ", ") + std::string(understudy::wire::kFailureClassNames[i]);
    }
    REQUIRE(written("routes[].fallback_on") == classes + "]");
}
