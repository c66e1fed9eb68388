#include "dialects/schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_set>
#include <vector>

namespace understudy::dialects {
namespace {

constexpr std::array<std::string_view, 3> kBranches{"anyOf", "oneOf", "allOf"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// Names in the order in which they came, each once. A client may send a million.
class Names {
  public:
    /// False: it is there.
    bool add(std::string name) {
        const auto [at, is_new] = known_.insert(std::move(name));
        if (is_new) ordered_.push_back(&*at);
        return is_new;
    }
    void add_all(Value list) {
        list.elements([this](Value one) { add(one.text()); });
    }
    bool empty() const { return ordered_.empty(); }
    const std::vector<const std::string*>& ordered() const { return ordered_; }

  private:
    std::unordered_set<std::string> known_;  // whose elements stay where they are
    std::vector<const std::string*> ordered_;
};

class Properties {
  public:
    /// Those of a schema; of two of one name the first counts.
    void add_of(Value schema) {
        schema.at("properties").members([this](std::string_view key, Value value) {
            if (names_.add(std::string(key))) values_.push_back(value);
        });
    }
    void write(Writer& to, std::string& out) const {
        for (std::size_t i = 0; i < values_.size(); ++i) {
            to.text(*names_.ordered()[i]);
            out += ':';
            to.raw(values_[i].raw());
        }
    }

  private:
    Names names_;
    std::vector<Value> values_;
};

// platform.claude.com/docs/en/build-with-claude/structured-outputs, vercel/ai sanitize-json-schema
constexpr std::array<std::string_view, 14> kRefused{
    "minimum",       "maximum",   "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf",    "minLength", "maxLength",        "pattern",
    "minItems",      "maxItems",  "uniqueItems",      "minProperties",
    "maxProperties", "not"};
constexpr std::array<std::string_view, 10> kFormats{
    "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"};
// Members whose members are schemas by name.
constexpr std::array<std::string_view, 4> kNamed{"properties", "$defs", "definitions",
                                                 "patternProperties"};

class Cleaner {
  public:
    Cleaner(std::string& out, Talk& talk) : out_(out), talk_(talk) {}

    void schema(Value value) {
        if (value.is_array()) {
            open('[');
            value.elements([this](Value one) {
                comma();
                schema(one);
            });
            out_ += ']';
        } else if (!value.is_object() || level_ == kMostLevels) {
            out_ += value.raw();
        } else {
            ++level_;
            object(value);
            --level_;
        }
    }

  private:
    void open(char bracket) { out_ += bracket; }
    void comma() {
        if (out_.back() != '{' && out_.back() != '[') out_ += ',';
    }
    void key(std::string_view name) {
        comma();
        out_ += '"';
        append_escaped(out_, name);
        out_ += "\":";
    }
    void object(Value value) {
        open('{');
        bool closed = false;
        value.members([&](std::string_view name, Value member) {
            const bool refused =
                among(kRefused, name) || (name == "format" && !among(kFormats, member.text()));
            if (refused) return talk_.drop("json_schema." + std::string(name));
            if (name == "additionalProperties") closed = true;
            key(name);
            if (name == "additionalProperties") {
                out_ += "false";
            } else if (among(kNamed, name) && member.is_object()) {
                named(member);
            } else if (name == "items" || among(kBranches, name)) {
                schema(member);
            } else {
                out_ += member.raw();
            }
        });
        const bool is_object = value.at("type").is("object") || value.at("properties").is_object();
        if (is_object && !closed) {
            key("additionalProperties");
            out_ += "false";
        }
        out_ += '}';
    }
    void named(Value value) {
        open('{');
        value.members([&](std::string_view name, Value member) {
            key(name);
            schema(member);
        });
        out_ += '}';
    }

    // Each level is walked through again by those around it: nobody's schema is deeper.
    static constexpr std::size_t kMostLevels = 48;

    std::string& out_;
    Talk& talk_;
    std::size_t level_ = 0;
};

/// A step of a pointer (RFC 6901), and of the URL that it stands in.
std::string plain_step(std::string_view step) {
    std::string out;
    for (std::size_t i = 0; i < step.size(); ++i) {
        const auto rest = step.substr(i);
        unsigned char byte = 0;
        if (rest.starts_with("~1") || rest.starts_with("~0")) {
            out += rest[1] == '1' ? '/' : '~';
            ++i;
        } else if (rest.size() > 2 && rest[0] == '%' &&
                   std::from_chars(&rest[1], &rest[1] + 2, byte, 16).ptr == &rest[1] + 2) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += rest[0];
        }
    }
    return out;
}

/// What stands at this place ("#/$defs/Node") of a schema; absent where nothing does.
Value at_place(Value schema, std::string_view place) {
    constexpr std::size_t kMostSteps = 16;
    if (!place.starts_with("#/")) return {};
    place.remove_prefix(2);
    for (std::size_t steps = 0; steps < kMostSteps; ++steps) {
        const auto end = place.find('/');
        schema = schema.at(plain_step(place.substr(0, end)));
        if (end == std::string_view::npos) return schema;
        place.remove_prefix(end + 1);
    }
    return {};
}

/// The part of this very schema that it refers to as a whole, as generators write recursive types,
/// also by way of others; absent where it does no such thing.
Value referred(Value schema) {
    constexpr int kMostHops = 8;
    Value found = schema;
    for (int hops = 0; hops < kMostHops; ++hops) {
        const auto ref = found.at("$ref");
        if (!ref.is_string()) return hops == 0 ? Value() : found;
        found = at_place(schema, ref.text());
    }
    return {};
}

}  // namespace

std::string object_schema(Value schema) {
    constexpr std::string_view kNothing = R"({"type":"object","properties":{}})";
    if (!schema.is_object()) return std::string(kNothing);
    bool branches = false;
    Names required;
    Properties properties;
    properties.add_of(schema);
    const auto target = referred(schema);
    properties.add_of(target);
    for (const auto branch : kBranches) {
        for (const auto& from : {schema, target}) {
            from.at(branch).elements([&](Value one) {
                branches = true;
                properties.add_of(one);
                // What all of them together ask for is asked for; of the others one will do.
                if (branch == kBranches.back()) required.add_all(one.at("required"));
            });
        }
    }
    const bool typed = schema.at("type").is("object");
    if (typed && !branches && schema.at("properties").is_object()) return std::string(schema.raw());
    std::string out;
    Writer to(out);
    to.open('{').key("type").text("object");
    schema.members([&](std::string_view key, Value value) {
        if (key == "type" || key == "properties" || among(kBranches, key)) return;
        if (key == "required" && !required.empty()) return required.add_all(value);
        if (key == "$ref" && target.present()) return;
        to.text(key);
        out += ':';
        to.raw(value.raw());
    });
    if (const auto needed = target.at("required"); needed.present()) {
        if (!required.empty()) {
            required.add_all(needed);
        } else if (!schema.at("required").present()) {
            to.key("required").raw(needed.raw());
        }
    }
    if (!required.empty()) {
        to.key("required").open('[');
        for (const auto* name : required.ordered()) to.text(*name);
        to.close(']');
    }
    to.key("properties").open('{');
    properties.write(to, out);
    to.close('}').close('}');
    return out;
}

std::string anthropic_schema(Value schema, Talk& talk) {
    std::string out;
    Cleaner(out, talk).schema(schema);
    return out;
}

}  // namespace understudy::dialects
