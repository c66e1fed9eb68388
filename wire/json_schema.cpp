#include "wire/json_schema.hpp"

#include "wire/head.hpp"
#include "wire/octets.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace understudy::wire {
namespace {

using Json = nlohmann::json;

constexpr unsigned kMaxDepth = 64;
constexpr std::size_t kMaxSteps = 100'000;  // some milliseconds

const Json* find(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

bool is_integer(const Json& value) {
    if (value.is_number_integer()) return true;
    if (!value.is_number_float()) return false;
    const auto number = value.get<double>();
    return std::isfinite(number) && std::floor(number) == number;
}

bool has_type(const Json& value, std::string_view type) {
    if (iequals(type, "string")) return value.is_string();
    if (iequals(type, "number")) return value.is_number();
    if (iequals(type, "integer")) return is_integer(value);
    if (iequals(type, "boolean")) return value.is_boolean();
    if (iequals(type, "object")) return value.is_object();
    if (iequals(type, "array")) return value.is_array();
    if (iequals(type, "null")) return value.is_null();
    return true;
}

bool fits_type(const Json& type, const Json& value) {
    if (type.is_string()) return has_type(value, type.get_ref<const std::string&>());
    if (!type.is_array() || type.empty()) return true;
    return std::any_of(type.begin(), type.end(), [&](const Json& one) {
        return !one.is_string() || has_type(value, one.get_ref<const std::string&>());
    });
}

std::size_t characters(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

/// A bound that is there and not kept. Counts and numbers alike; exact enough for both.
bool below(const Json& schema, const char* key, double number) {
    const auto* const bound = find(schema, key);
    return bound != nullptr && bound->is_number() && number < bound->get<double>();
}
bool above(const Json& schema, const char* key, double number) {
    const auto* const bound = find(schema, key);
    return bound != nullptr && bound->is_number() && number > bound->get<double>();
}
bool at(const Json& schema, const char* key, double number) {
    const auto* const bound = find(schema, key);
    return bound != nullptr && bound->is_number() && number == bound->get<double>();
}
bool is_true(const Json& schema, const char* key) {
    const auto* const flag = find(schema, key);
    return flag != nullptr && flag->is_boolean() && flag->get<bool>();
}

bool outside_range(const Json& schema, double number) {
    if (below(schema, "minimum", number) || above(schema, "maximum", number)) return true;
    // A bound of its own since draft 6, a flag of the other one before.
    if (below(schema, "exclusiveMinimum", number) || at(schema, "exclusiveMinimum", number) ||
        above(schema, "exclusiveMaximum", number) || at(schema, "exclusiveMaximum", number)) {
        return true;
    }
    return (is_true(schema, "exclusiveMinimum") && at(schema, "minimum", number)) ||
           (is_true(schema, "exclusiveMaximum") && at(schema, "maximum", number));
}

/// One part of a JSON pointer, without its escapes.
std::string unescaped(std::string_view part) {
    std::string out;
    for (std::size_t i = 0; i < part.size(); ++i) {
        const bool escape = part[i] == '~' && i + 1 < part.size();
        if (escape && (part[i + 1] == '0' || part[i + 1] == '1')) {
            out += part[++i] == '0' ? '~' : '/';
        } else {
            out += part[i];
        }
    }
    return out;
}

class Fit {
  public:
    explicit Fit(const Json& root) : root_(root) {}
    const char* check(const Json& schema, const Json& value, unsigned depth);

  private:
    const char* check_values(const Json& schema, const Json& value);
    const char* check_object(const Json& schema, const Json& value, unsigned depth);
    const char* check_others(const Json& schema, const Json& value, unsigned depth);
    const char* check_array(const Json& schema, const Json& value, unsigned depth);
    const char* check_branches(const Json& schema, const Json& value, unsigned depth);
    const Json* resolve(std::string_view reference) const;

    const Json& root_;
    std::size_t steps_ = 0;
};

const char* Fit::check(const Json& schema, const Json& value, unsigned depth) {
    if (++steps_ > kMaxSteps || depth > kMaxDepth) return nullptr;
    if (schema.is_boolean()) return schema.get<bool>() ? nullptr : "a value where none may be";
    if (!schema.is_object()) return nullptr;
    if (value.is_null() && is_true(schema, "nullable")) return nullptr;
    if (const auto* const reference = find(schema, "$ref"); reference && reference->is_string()) {
        const auto* const target = resolve(reference->get_ref<const std::string&>());
        if (target != nullptr) {
            if (const auto* what = check(*target, value, depth + 1)) return what;
        }
    }
    if (const auto* what = check_values(schema, value)) return what;
    if (value.is_object()) {
        if (const auto* what = check_object(schema, value, depth)) return what;
    } else if (value.is_array()) {
        if (const auto* what = check_array(schema, value, depth)) return what;
    }
    return check_branches(schema, value, depth);
}

/// What needs no look inside.
const char* Fit::check_values(const Json& schema, const Json& value) {
    const auto* const type = find(schema, "type");
    if (type != nullptr && !fits_type(*type, value)) return "a value of another type";
    if (const auto* const one = find(schema, "const"); one && *one != value) {
        return "a value other than the one that is allowed";
    }
    if (const auto* const values = find(schema, "enum"); values && values->is_array()) {
        steps_ += values->size();
        if (std::find(values->begin(), values->end(), value) == values->end()) {
            return "a value that is not among those allowed";
        }
    }
    if (value.is_number() && outside_range(schema, value.get<double>())) {
        return "a number outside its range";
    }
    if (value.is_string()) {
        const auto length = static_cast<double>(characters(value.get_ref<const std::string&>()));
        if (below(schema, "minLength", length)) return "a text that is too short";
        if (above(schema, "maxLength", length)) return "a text that is too long";
    }
    return nullptr;
}

const char* Fit::check_object(const Json& schema, const Json& value, unsigned depth) {
    if (const auto* const required = find(schema, "required"); required && required->is_array()) {
        for (const auto& name : *required) {
            ++steps_;
            if (name.is_string() && !value.contains(name.get_ref<const std::string&>())) {
                return "a required member is missing";
            }
        }
    }
    const auto count = static_cast<double>(value.size());
    if (below(schema, "minProperties", count)) return "too few members";
    if (above(schema, "maxProperties", count)) return "too many members";
    if (const auto* const known = find(schema, "properties"); known && known->is_object()) {
        for (const auto& [name, part] : known->items()) {
            ++steps_;
            const auto member = value.find(name);
            if (member == value.end()) continue;
            if (const auto* what = check(part, *member, depth + 1)) return what;
        }
    }
    return check_others(schema, value, depth);
}

/// Members that `properties` does not name.
const char* Fit::check_others(const Json& schema, const Json& value, unsigned depth) {
    const auto* const others = find(schema, "additionalProperties");
    if (others == nullptr || find(schema, "patternProperties") != nullptr) return nullptr;
    const auto* const known = find(schema, "properties");
    for (const auto& [name, member] : value.items()) {
        ++steps_;
        if (known != nullptr && known->is_object() && known->contains(name)) continue;
        if (check(*others, member, depth + 1) != nullptr) return "a member that may not be there";
    }
    return nullptr;
}

const char* Fit::check_array(const Json& schema, const Json& value, unsigned depth) {
    const auto count = static_cast<double>(value.size());
    if (below(schema, "minItems", count)) return "too few elements";
    if (above(schema, "maxItems", count)) return "too many elements";
    const auto* const items = find(schema, "items");
    const auto* first = find(schema, "prefixItems");
    if (first == nullptr && items != nullptr && items->is_array()) first = items;  // before 2020
    const std::size_t listed = first != nullptr && first->is_array() ? first->size() : 0;
    for (std::size_t i = 0; i < value.size() && steps_ <= kMaxSteps; ++i) {
        const auto* const part = i < listed ? &(*first)[i] : items;
        if (part == nullptr || part->is_array()) break;
        if (const auto* what = check(*part, value[i], depth + 1)) return what;
    }
    return nullptr;
}

const char* Fit::check_branches(const Json& schema, const Json& value, unsigned depth) {
    if (const auto* const all = find(schema, "allOf"); all && all->is_array()) {
        for (const auto& branch : *all) {
            if (const auto* what = check(branch, value, depth + 1)) return what;
        }
    }
    for (const char* const key : {"anyOf", "oneOf"}) {
        const auto* const any = find(schema, key);
        if (any == nullptr || !any->is_array() || any->empty()) continue;
        const bool fits = std::any_of(any->begin(), any->end(), [&](const Json& branch) {
            return check(branch, value, depth + 1) == nullptr;
        });
        if (!fits) return "a value that fits none of the alternatives";
    }
    return nullptr;
}

/// The part of the schema that a reference names; null for other documents and broken ones.
const Json* Fit::resolve(std::string_view reference) const {
    if (!reference.starts_with('#')) return nullptr;
    reference.remove_prefix(1);
    const Json* here = &root_;
    while (!reference.empty()) {
        if (!reference.starts_with('/')) return nullptr;
        reference.remove_prefix(1);
        const auto end = std::min(reference.find('/'), reference.size());
        const auto part = unescaped(reference.substr(0, end));
        reference.remove_prefix(end);
        if (here->is_object()) {
            here = find(*here, part.c_str());
        } else {
            const bool index =
                here->is_array() && !part.empty() && part.size() <= 9 &&
                std::all_of(part.begin(), part.end(), [](char c) { return is(c, kDigit); });
            const auto place = index ? static_cast<std::size_t>(std::stoul(part)) : here->size();
            here = index && place < here->size() ? &(*here)[place] : nullptr;
        }
        if (here == nullptr) return nullptr;
    }
    return here;
}

}  // namespace

const char* misfit(const Json& schema, const Json& value) {
    return Fit(schema).check(schema, value, 0);
}

}  // namespace understudy::wire
