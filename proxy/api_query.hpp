// What a target below /api asks for. Pure.
#pragma once

#include "ledger/reader.hpp"
#include "proxy/local_error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace understudy::proxy {

struct AskUsage {
    ledger::By by = ledger::By::model;
    ledger::Span span;
    bool csv = false;
    std::size_t skip = 0, limit = 1000;  // lines
};
struct AskRequests {
    ledger::RequestFilter filter;
};
struct AskRequest {
    std::string id;
};
struct AskSession {
    std::string name;
};
/// Of the daemon itself, not of the ledger.
struct AskUpstreams {};
using ApiQuery = std::variant<AskUsage, AskRequests, AskRequest, AskSession, AskUpstreams>;

/// `target`: origin-form, with its query. `now_us`: since 1970, for ages such as `since=24h`. An
/// error is a 400 that names what is wrong, or a 404.
std::variant<ApiQuery, LocalError> read_api_query(std::string_view target, std::int64_t now_us);

}  // namespace understudy::proxy
