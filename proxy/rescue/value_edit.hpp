// Edits of a body at one of its values. Pure.
#pragma once

#include "dialects/value.hpp"
#include "wire/request_body.hpp"

#include <string>
#include <string_view>

namespace understudy::proxy::rescue {

/// `value`, one of `body`'s, becomes this JSON text.
wire::Edit replaced(std::string_view body, dialects::Value value, std::string json);

/// Another element, or several with commas between them, behind the last one of `list`.
wire::Edit behind_last(std::string_view body, dialects::Value list, std::string json);

}  // namespace understudy::proxy::rescue
