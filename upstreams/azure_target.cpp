#include "upstreams/azure_target.hpp"

#include "wire/percent.hpp"

#include <algorithm>

namespace understudy::upstreams {

bool is_of_deployment(std::string_view path) {
    const auto name = path.substr(0, path.find('?'));
    return name != "/models" && name != "/responses" && name != "/moderations" &&
           !name.starts_with("/responses/") && !name.starts_with("/models/");
}

void append_deployment(std::string& out, std::string_view model) {
    wire::append_name_in_path(out.append("/deployments/"), model);
}

void append_versioned(std::string& out, std::string_view path, std::string_view version) {
    const auto query = path.find('?');
    out.append(path.substr(0, query)).append("?api-version=").append(version);
    auto rest = query == std::string_view::npos ? std::string_view() : path.substr(query + 1);
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto part = rest.substr(0, end);
        if (!part.empty() && !part.starts_with("api-version=")) out.append(1, '&').append(part);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

}  // namespace understudy::upstreams
