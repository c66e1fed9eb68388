#include "proxy/local_error.hpp"

#include "wire/json_scan.hpp"

namespace understudy::proxy {

std::string to_json(const LocalError& error) {
    std::string out = "{\"error\":{\"message\":" + wire::encode_string(error.message);
    out += ",\"type\":\"understudy_error\",\"param\":";
    out += error.param.empty() ? std::string("null") : wire::encode_string(error.param);
    out += ",\"code\":" + wire::encode_string(error.code) + "}}";
    return out;
}

std::string_view reason_phrase(unsigned status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Error";
    }
}

}  // namespace understudy::proxy
