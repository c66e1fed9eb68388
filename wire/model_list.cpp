#include "wire/model_list.hpp"

#include "wire/json_cursor.hpp"

namespace understudy::wire {
namespace {

constexpr std::size_t kLongestName = 256;

void note_name(std::string_view content, std::vector<std::string>& names) {
    constexpr std::string_view kGoogle = "models/";
    std::string name;
    decode_content(content, name);
    if (name.starts_with(kGoogle)) name.erase(0, kGoogle.size());
    const bool control = name.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos;
    if (name.empty() || name.size() > kLongestName || control) return;
    names.push_back(std::move(name));
}

bool read_entries(JsonCursor& in, std::string_view naming, std::size_t most,
                  std::vector<std::string>& names) {
    JsonKind kind{};
    if (!in.peek(kind)) return false;
    if (kind != JsonKind::array) return in.skip();
    return in.each_element([&] {
        return in.object_members([&](std::string_view key) {
            const bool name = key == naming;
            JsonValue value;
            if (!in.take(value)) return false;
            if (name && value.kind == JsonKind::string && names.size() < most) {
                note_name(value.string_content(), names);
            }
            return true;
        });
    });
}

}  // namespace

std::string_view model_list_path(Dialect dialect) noexcept {
    switch (dialect) {
        case Dialect::messages:
            return "/models?limit=1000";
        case Dialect::gemini:
            return "/models?pageSize=1000";
        case Dialect::converse:
            return {};  // Bedrock lists its models elsewhere
        default:
            return "/models";
    }
}

bool read_model_list(std::string_view body, std::size_t most, std::vector<std::string>& names) {
    names.clear();
    JsonCursor in(body);
    in.skip_preamble();
    JsonKind kind{};
    if (!in.peek(kind)) return false;
    bool found = kind == JsonKind::array;
    bool read = false;
    if (found) {
        read = read_entries(in, "id", most, names);
    } else if (in.at_object()) {
        read = in.each_member([&](std::string_view key) {
            const bool google = key == "models";
            if (key != "data" && !google) return in.skip();
            found = true;
            return read_entries(in, google ? "name" : "id", most, names);
        });
    }
    return read && found && in.finish();
}

}  // namespace understudy::wire
