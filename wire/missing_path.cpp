#include "wire/missing_path.hpp"

#include "wire/answer.hpp"

#include <algorithm>

namespace understudy::wire {

bool says_path_is_missing(unsigned status, std::string_view body, std::string_view model) {
    if (status == 405 || status == 501) return true;
    if (status != 404 && status != 410) return false;
    const auto facts = parse_error_body(body);
    std::string said = facts.message + ' ' + facts.code + ' ' + facts.type + ' ' + facts.param;
    if (!model.empty() && said.find(model) != std::string::npos) return false;
    std::transform(said.begin(), said.end(), said.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return said.find("model") == std::string::npos && said.find("deployment") == std::string::npos;
}

}  // namespace understudy::wire
