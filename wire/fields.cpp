#include "wire/head.hpp"
#include "wire/octets.hpp"

#include <algorithm>
#include <array>

namespace understudy::wire {
namespace {

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Cheap filter in front of the full comparison: most names of a message differ in length or in
// the first letter. Bit 0x20 is all that case changes.
bool may_equal(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && !a.empty() && ((a.front() ^ b.front()) & ~0x20) == 0;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
    return may_equal(a, b) && iequals(a, b);
}

// Fields that say what the message means or who sent it. RFC 9110 7.6.1 forbids to name them in
// Connection; honouring it would let a client strip framing or credentials on the way.
constexpr std::array<std::string_view, 21> kEndToEnd{
    "host",           "content-length",   "content-type",  "content-encoding", "content-range",
    "authorization",  "x-api-key",        "api-key",       "x-goog-api-key",   "cookie",
    "set-cookie",     "www-authenticate", "cache-control", "accept",           "accept-encoding",
    "retry-after",    "location",         "date",          "x-request-id",     "anthropic-version",
    "x-forwarded-for"};

}  // namespace

bool iequals(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

void Fields::clear() {
    items_.clear();
    present_.clear();
    close_ = keep_alive_ = names_fields_ = false;
}

void Fields::read_connection(std::string_view value) {
    for_each_element(value, [this](std::string_view option) {
        const bool close = same_name(option, "close");
        const bool keep_alive = same_name(option, "keep-alive");
        close_ = close_ || close;
        keep_alive_ = keep_alive_ || keep_alive;
        names_fields_ = names_fields_ || (!close && !keep_alive);
        return true;
    });
}

std::string_view Fields::first(FieldId id) const noexcept {
    for (const auto& field : items_) {
        if (field.id == id) return field.value;
    }
    return {};
}

std::string_view Fields::find(std::string_view name) const noexcept {
    for (const auto& field : items_) {
        if (same_name(field.name, name)) return field.value;
    }
    return {};
}

std::size_t Fields::count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (const auto& field : items_) found += same_name(field.name, name) ? 1 : 0;
    return found;
}

bool is_hop_by_hop(std::string_view name) noexcept {
    return kHopByHop.contains(identify(name));
}

bool named_by_connection(const Fields& fields, std::string_view name) noexcept {
    if (!fields.names_fields()) return false;
    bool named = false;
    for (const auto& field : fields) {
        if (field.id != FieldId::connection) continue;
        for_each_element(field.value, [&](std::string_view element) {
            named = same_name(element, name);
            return !named;
        });
        if (named) break;
    }
    return named && std::none_of(kEndToEnd.begin(), kEndToEnd.end(),
                                 [name](std::string_view kept) { return same_name(kept, name); });
}

}  // namespace understudy::wire
