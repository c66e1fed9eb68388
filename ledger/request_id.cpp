#include "ledger/request_id.hpp"

#include <charconv>

namespace understudy::ledger {

std::optional<std::int64_t> begun_us(std::string_view id) {
    if (id.size() != kRequestIdPrefix.size() + kTimeDigits + kChanceDigits) return std::nullopt;
    if (!id.starts_with(kRequestIdPrefix)) return std::nullopt;
    id.remove_prefix(kRequestIdPrefix.size());
    if (id.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    std::int64_t milliseconds = 0;
    const auto time = id.substr(0, kTimeDigits);
    std::from_chars(time.data(), time.data() + time.size(), milliseconds, 16);
    return milliseconds * 1000;
}

}  // namespace understudy::ledger
