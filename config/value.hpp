// How the readers look at a document: a value knows where it stands and collects what is wrong with
// it. Nothing throws; a value that is wrong leaves the default in place and a Problem behind, so
// that one run finds everything.
#pragma once

#include "config/document.hpp"
#include "config/key_table.hpp"
#include "config/load.hpp"
#include "config/scalars.hpp"
#include "config/text.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::config {

/// What one load works with.
struct Context {
    std::string file;
    std::string directory;  // of the file; relative paths start there
    Environment env;
    std::vector<Problem> problems;
    std::vector<Problem> warnings;
};

class Value {
  public:
    Value(Context& context, const Element& node, std::string path)
        : context_(&context), node_(&node), path_(std::move(path)) {}

    const Element& node() const { return *node_; }
    const std::string& path() const { return path_; }
    Context& context() const { return *context_; }

    void problem(std::string message) const;
    void warn(std::string message) const;
    /// As the file has it, quoted: a resolved reference stays hidden.
    std::string shown() const;

    /// The scalar's text; a problem ("expected a duration, found a list") and null if it is none.
    const std::string* text(std::string_view expected) const;
    /// The elements; a problem if this is not a list. `expected` names what it is a list of.
    std::vector<Value> items(std::string_view expected) const;
    /// The members of a map with free keys; a problem if this is not a map.
    std::vector<std::pair<const Member*, Value>> members(std::string_view expected) const;
    /// A problem unless this is a map.
    bool expect_map(std::string_view expected) const;

  private:
    std::string found() const;

    Context* context_;
    const Element* node_;
    std::string path_;
};

/// A map whose keys are known. Construction reports the unknown ones.
class Section {
  public:
    Section(const Value& value, std::span<const KeySpec> keys, std::string_view expected);

    const Value& value() const { return value_; }
    /// The value of `key`, if it is there. `key: ` with nothing behind is a problem: it might be a
    /// line that got lost, such as the list of `keys`.
    std::optional<Value> get(std::string_view key) const;
    /// The same; a problem if it is not there.
    std::optional<Value> require(std::string_view key, std::string_view expected) const;

  private:
    Value value_;
    std::span<const KeySpec> keys_;
};

template <class T>
struct Range {
    T min, max;
};

inline constexpr Range<Duration> kPositive{Duration{1}, Duration{86'400'000}};
inline constexpr Range<Duration> kFromZero{Duration{0}, Duration{86'400'000}};

void read(const Section& section, std::string_view key, Duration& out,
          Range<Duration> range = kPositive);
void read(const Section& section, std::string_view key, bool& out);
void read_size(const Section& section, std::string_view key, std::size_t& out,
               Range<std::uint64_t> range);
/// A whole number within `range`; nullopt if absent or wrong.
std::optional<std::uint64_t> read_integer(const Section& section, std::string_view key,
                                          Range<std::uint64_t> range);
std::optional<double> read_number(const Section& section, std::string_view key,
                                  Range<double> range);

/// What one scalar says, or a problem at it. For a value that came from a reference the problem
/// does not repeat it.
template <class T>
std::optional<T> parse(const Value& value, std::string_view expected,
                       Parsed<T> (*parser)(std::string_view)) {
    const std::string* text = value.text(expected);
    if (text == nullptr) return std::nullopt;
    Parsed<T> parsed = parser(*text);
    if (parsed) return parsed.value;
    value.problem(value.node().referenced
                      ? "the value of " + value.shown() + " is not " + std::string(expected)
                      : parsed.error);
    return std::nullopt;
}

/// One word of a closed set.
template <class E>
void read_word(const Section& section, std::string_view key, E& out,
               std::span<const std::pair<std::string_view, E>> words) {
    const auto value = section.get(key);
    if (!value) return;
    std::vector<std::string_view> names;
    for (const auto& [name, result] : words) names.push_back(name);
    const std::string* text = value->text(one_of(names));
    if (text == nullptr) return;
    for (const auto& [name, result] : words) {
        if (*text == name) {
            out = result;
            return;
        }
    }
    value->problem(value->shown() + " is not one of " + one_of(names) +
                   (value->node().referenced ? "" : suggestion(*text, names)));
}

}  // namespace understudy::config
