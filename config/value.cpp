#include "config/value.hpp"

#include <algorithm>
#include <cassert>

namespace understudy::config {
namespace {

template <class T, class Format>
bool in_range(const Value& value, T number, Range<T> range, Format format) {
    if (number >= range.min && number <= range.max) return true;
    value.problem(value.shown() + " is out of range; it must be " + format(range.min) + " to " +
                  format(range.max));
    return false;
}

std::string join(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
}

std::string plain_number(double number) {
    std::string text = std::to_string(number);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

}  // namespace

void Value::problem(std::string message) const {
    context_->problems.push_back(
        {context_->file, node_->mark.line, node_->mark.column, path_, std::move(message)});
}

void Value::warn(std::string message) const {
    context_->warnings.push_back(
        {context_->file, node_->mark.line, node_->mark.column, path_, std::move(message)});
}

std::string Value::shown() const {
    return in_quotes(node_->written.empty() ? node_->text : node_->written);
}

std::string Value::found() const {
    switch (node_->kind) {
        case Element::Kind::null:
            return "nothing";
        case Element::Kind::scalar:
            return "a single value";
        case Element::Kind::list:
            return "a list";
        case Element::Kind::map:
            return "a map";
    }
    return {};
}

const std::string* Value::text(std::string_view expected) const {
    if (node_->broken) return nullptr;  // its reference is reported already
    if (node_->kind == Element::Kind::scalar) return &node_->text;
    problem("expected " + std::string(expected) + ", found " + found());
    return nullptr;
}

std::vector<Value> Value::items(std::string_view expected) const {
    std::vector<Value> out;
    if (node_->kind != Element::Kind::list) {
        problem("expected a list of " + std::string(expected) + ", found " + found());
        return out;
    }
    out.reserve(node_->items.size());
    for (std::size_t i = 0; i < node_->items.size(); ++i) {
        out.emplace_back(*context_, node_->items[i], path_ + "[" + std::to_string(i) + "]");
    }
    return out;
}

std::vector<std::pair<const Member*, Value>> Value::members(std::string_view expected) const {
    std::vector<std::pair<const Member*, Value>> out;
    if (!expect_map(expected)) return out;
    for (const Member& member : node_->members) {
        out.emplace_back(&member, Value(*context_, member.value, join(path_, member.key)));
    }
    return out;
}

bool Value::expect_map(std::string_view expected) const {
    if (node_->kind == Element::Kind::map) return true;
    problem("expected " + std::string(expected) + ", found " + found());
    return false;
}

Section::Section(const Value& value, std::span<const KeySpec> keys, std::string_view expected)
    : value_(value), keys_(keys) {
    if (!value.expect_map(expected)) return;
    std::vector<std::string_view> names;
    for (const KeySpec& key : keys) names.push_back(key.name);
    Context& context = value.context();
    for (const Member& member : value.node().members) {
        if (std::find(names.begin(), names.end(), member.key) != names.end()) continue;
        std::string hint = suggestion(member.key, names);
        if (hint.empty()) hint = "; known here: " + one_of(names);
        context.problems.push_back({context.file, member.mark.line, member.mark.column,
                                    join(value.path(), member.key), "unknown key" + hint});
    }
}

std::optional<Value> Section::get(std::string_view key) const {
    assert(std::any_of(keys_.begin(), keys_.end(),
                       [&](const KeySpec& spec) { return spec.name == key; }));
    const Element* node = value_.node().find(key);
    if (node == nullptr) return std::nullopt;
    Value value(value_.context(), *node, join(value_.path(), key));
    if (node->kind == Element::Kind::null) {
        value.problem("is empty; give it a value or remove the key");
        return std::nullopt;
    }
    return value;
}

std::optional<Value> Section::require(std::string_view key, std::string_view expected) const {
    if (value_.node().kind != Element::Kind::map) return std::nullopt;  // already reported
    if (value_.node().find(key) == nullptr) {
        Value(value_.context(), value_.node(), join(value_.path(), key))
            .problem("is missing; expected " + std::string(expected));
        return std::nullopt;
    }
    return get(key);
}

void read(const Section& section, std::string_view key, Duration& out, Range<Duration> range) {
    const auto value = section.get(key);
    if (!value) return;
    const auto duration = parse(*value, "a duration such as 250ms, 5s, 2m or 1h", &parse_duration);
    if (duration && in_range(*value, *duration, range, &format_duration)) out = *duration;
}

void read(const Section& section, std::string_view key, bool& out) {
    const auto value = section.get(key);
    if (!value) return;
    const auto boolean = parse(*value, "true or false", &parse_boolean);
    if (boolean) out = *boolean;
}

void read_size(const Section& section, std::string_view key, std::size_t& out,
               Range<std::uint64_t> range) {
    const auto value = section.get(key);
    if (!value) return;
    const auto size = parse(*value, "a size such as 64KiB or 8MiB", &parse_size);
    if (size && in_range(*value, *size, range, &format_size)) {
        out = static_cast<std::size_t>(*size);
    }
}

std::optional<std::uint64_t> read_integer(const Section& section, std::string_view key,
                                          Range<std::uint64_t> range) {
    const auto value = section.get(key);
    if (!value) return std::nullopt;
    const auto number = parse(*value, "a whole number", &parse_integer);
    const auto format = [](std::uint64_t n) { return std::to_string(n); };
    if (!number || !in_range(*value, *number, range, format)) return std::nullopt;
    return number;
}

std::optional<double> read_number(const Section& section, std::string_view key,
                                  Range<double> range) {
    const auto value = section.get(key);
    if (!value) return std::nullopt;
    const auto number = parse(*value, "a number such as 2.50", &parse_number);
    if (!number || !in_range(*value, *number, range, &plain_number)) return std::nullopt;
    return number;
}

}  // namespace understudy::config
