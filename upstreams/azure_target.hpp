// How Azure writes a request target: the deployment in the path, the version of the API in the
// query. Pure.
#pragma once

#include <string>
#include <string_view>

namespace understudy::upstreams {

/// Whether this path (below the base URL, query included) is of one deployment. The others name the
/// model in the body.
bool is_of_deployment(std::string_view path);

/// "/deployments/NAME". What is not a plain character is percent-encoded, so that no name reaches
/// another path.
void append_deployment(std::string& out, std::string_view model);

/// The path with `api-version=VERSION` in its query, in place of any that was there.
void append_versioned(std::string& out, std::string_view path, std::string_view version);

}  // namespace understudy::upstreams
