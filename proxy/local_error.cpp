#include "proxy/local_error.hpp"

#include "wire/json_scan.hpp"

#include <boost/beast/http/status.hpp>

namespace understudy::proxy {

std::string to_json(const LocalError& error) {
    std::string out = "{\"error\":{\"message\":" + wire::encode_string(error.message);
    out += ",\"type\":\"understudy_error\",\"param\":";
    out += error.param.empty() ? std::string("null") : wire::encode_string(error.param);
    out += ",\"code\":" + wire::encode_string(error.code) + "}}";
    return out;
}

std::string_view reason_phrase(unsigned status) {
    namespace http = boost::beast::http;
    const auto known = http::int_to_status(status);
    return known == http::status::unknown ? "Error"
                                          : std::string_view(http::obsolete_reason(known));
}

}  // namespace understudy::proxy
