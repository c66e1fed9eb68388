#include "upstreams/answer_words.hpp"

#include "wire/answer_traits.hpp"
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

const char* words_for_no_end(wire::AnswerShape shape) {
    return wire::traits_of(shape).needs_finish ? "the stream ended without a finish_reason"
                                               : "the stream ended without its closing event";
}

}  // namespace understudy::upstreams
