// A request body that is put together here in place of the client's. Belongs to whoever asks with
// it, for as long as the attempt runs.
#pragma once

#include "wire/request_body.hpp"

#include <string>
#include <string_view>

namespace understudy::proxy {

struct OwnedRequest {
    OwnedRequest() = default;
    std::string body;
    wire::RequestFacts facts;    // of this body
    std::string_view base_path;  // where it goes instead of the base URL's path; static, or empty
};

}  // namespace understudy::proxy
