#include "config/profile_reader.hpp"

#include "config/profile_fields.hpp"
#include "config/text.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace understudy::config {

void ProfileReader::check_names() {
    std::vector<std::string_view> known;
    for (const ProfileField& field : profile_fields()) known.push_back(field.name);
    for (const auto& [name, value] : document_->items()) {
        if (find_profile_field(name) != nullptr) continue;
        note(name, "is not a member of profiles known to this build and has no effect" +
                       suggestion(name, known));
    }
}

const nlohmann::json* ProfileReader::find(const char* member) const {
    const auto at = document_->find(member);
    return at == document_->end() || at->is_null() ? nullptr : &*at;
}

void ProfileReader::mistyped(const char* member) {
    const ProfileField* field = find_profile_field(member);
    problem(member, "is not " + std::string(describe(field->type)));
}

std::optional<std::string> ProfileReader::text(const char* member) {
    const auto* value = find(member);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) {
        mistyped(member);
        return std::nullopt;
    }
    // Blank is how the store's own reader takes "nothing".
    const auto& found = value->get_ref<const std::string&>();
    if (found.find_first_not_of(" \t\r\n") == std::string::npos) return std::nullopt;
    return found;
}

std::optional<double> ProfileReader::number(const char* member) {
    const auto* value = find(member);
    if (value == nullptr) return std::nullopt;
    const double found = value->is_number() ? value->get<double>() : -1;
    if (found < 0 || !std::isfinite(found)) {
        mistyped(member);
        return std::nullopt;
    }
    return found;
}

std::optional<std::uint64_t> ProfileReader::whole(const char* member) {
    const auto* value = find(member);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_unsigned()) {
        mistyped(member);
        return std::nullopt;
    }
    return value->get<std::uint64_t>();
}

std::optional<bool> ProfileReader::boolean(const char* member) {
    const auto* value = find(member);
    if (value == nullptr) return std::nullopt;
    if (!value->is_boolean()) {
        mistyped(member);
        return std::nullopt;
    }
    return value->get<bool>();
}

const nlohmann::json* ProfileReader::map(const char* member) {
    const auto* value = find(member);
    if (value == nullptr) return nullptr;
    if (value->is_object()) return value;
    mistyped(member);
    return nullptr;
}

void ProfileReader::problem(std::string member, std::string message) {
    problems_.push_back({std::move(member), std::move(message)});
}

void ProfileReader::note(std::string member, std::string message) {
    notes_->push_back({std::move(member), std::move(message)});
}

}  // namespace understudy::config
