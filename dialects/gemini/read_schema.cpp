#include "dialects/gemini/read_schema.hpp"

#include "dialects/gemini/proto_json.hpp"

#include <algorithm>
#include <array>

namespace understudy::dialects::gemini {
namespace {

// Whoever nests deeper than any tool does is not followed: each level is walked through again by
// those around it.
constexpr std::size_t kMostLevels = 48;

constexpr std::array<std::string_view, 6> kCounts{"minItems",  "maxItems",      "minLength",
                                                  "maxLength", "minProperties", "maxProperties"};
constexpr std::array<std::string_view, 4> kLists{"anyOf", "oneOf", "allOf", "prefixItems"};
// Said to nobody but Google's models, or to people.
constexpr std::array<std::string_view, 3> kLeftOut{"propertyOrdering", "example", "nullable"};

// In the order of their numbers, as raw JSON.
constexpr std::array<std::string_view, 8> kTypes{
    R"("TYPE_UNSPECIFIED")", R"("STRING")", R"("NUMBER")", R"("INTEGER")",
    R"("BOOLEAN")",          R"("ARRAY")",  R"("OBJECT")", R"("NULL")"};

bool among(const auto& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

class Schema {
  public:
    explicit Schema(std::string& out) : to_(out) {}

    void write(Value schema) {
        if (!schema.is_object() || level_ == kMostLevels) {
            to_.raw(schema.raw());
            return;
        }
        ++level_;
        const bool nullable = member_of(schema, "nullable").is_true();
        to_.open('{');
        members_of(schema,
                   [&](std::string_view key, Value value) { member(key, value, nullable); });
        to_.close('}');
        --level_;
    }

  private:
    void member(std::string_view key, Value value, bool nullable);
    void type(Value value, bool nullable);
    void one_type(Value said);
    void list(Value value);
    void named(Value value);
    void choices(Value value, bool nullable);
    void key(std::string_view name) { to_.key(escaped(name)); }

    Writer to_;
    std::size_t level_ = 0;
};

void Schema::one_type(Value said) {
    const auto value = enum_of(said, kTypes);
    if (!value.is_string()) {
        to_.raw(value.raw());
        return;
    }
    auto word = value.text();
    for (char& c : word) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    to_.text(word);
}

void Schema::type(Value value, bool nullable) {
    if (enum_of(value, kTypes).is("TYPE_UNSPECIFIED")) return;
    key("type");
    if (!value.is_array() && !nullable) return one_type(value);
    to_.open('[');
    bool null = false;
    each_of(value, [&](Value one) {
        null = null || one.is("null") || one.is("NULL");
        one_type(one);
    });
    if (nullable && !null) to_.text("null");
    to_.close(']');
}

void Schema::list(Value value) {
    to_.open('[');
    each_of(value, [this](Value one) { write(one); });
    to_.close(']');
}

// Names are the client's own here.
void Schema::named(Value value) {
    to_.open('{');
    value.members([this](std::string_view name, Value one) {
        key(name);
        write(one);
    });
    to_.close('}');
}

void Schema::choices(Value value, bool nullable) {
    key("enum");
    to_.open('[');
    value.elements([this](Value one) { to_.raw(one.raw()); });
    if (nullable) to_.null();
    to_.close(']');
}

void Schema::member(std::string_view name, Value value, bool nullable) {
    if (among(kLeftOut, name) || (name == "format" && value.is("enum"))) return;
    if (name == "type") return type(value, nullable);
    if (name == "enum") return choices(value, nullable);
    if (name == "ref" || name == "$ref") {
        auto place = value.text();
        constexpr std::string_view kTheirs = "#/defs/";
        if (place.starts_with(kTheirs)) place.replace(0, kTheirs.size(), "#/$defs/");
        to_.key("$ref").text(place);
        return;
    }
    key(name == "defs" ? "$defs" : name);
    if (among(kCounts, name)) {
        const auto number = number_of(value);
        to_.raw(number.present() ? number.raw() : value.raw());
    } else if (among(kLists, name)) {
        list(value);
    } else if ((name == "properties" || name == "defs" || name == "$defs") && value.is_object()) {
        named(value);
    } else if (name == "items" || name == "additionalProperties") {
        write(value);
    } else {
        to_.raw(value.raw());
    }
}

}  // namespace

std::string json_schema(Value schema) {
    std::string out;
    Schema(out).write(schema);
    return out;
}

}  // namespace understudy::dialects::gemini
