// The members a profile may have, as data: every name of openhands-sdk 1.58.2 and of older
// versions, its type, and what becomes of it here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace understudy::config {

enum class FieldType : std::uint8_t { text, number, whole, boolean, map, any };

enum class FieldFate : std::uint8_t {
    mapped,   // config/profile.cpp makes something of it
    ignored,  // concerns the agent's own program, nothing that is sent
    refused,  // sends the request elsewhere or signs it otherwise than this build can
};

struct ProfileField {
    std::string_view name;
    FieldType type;
    FieldFate fate;
};

/// Null: a member that no known version writes.
const ProfileField* find_profile_field(std::string_view name);
std::span<const ProfileField> profile_fields();

/// "a number", for messages.
std::string_view describe(FieldType type);

}  // namespace understudy::config
