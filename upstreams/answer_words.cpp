#include "upstreams/answer_words.hpp"

#include "wire/classify.hpp"

#include <algorithm>

namespace understudy::upstreams {

std::string kind_of(std::string_view error_json) {
    const auto kind = wire::classify_inline_error(error_json);
    if (kind == wire::FailureClass::malformed) return {};
    // Clients' libraries scan messages for words such as these.
    if (kind == wire::FailureClass::rate_limit) return " (too many requests)";
    std::string name(wire::name_of(kind));
    std::replace(name.begin(), name.end(), '_', ' ');
    return " (" + name + ")";
}

}  // namespace understudy::upstreams
