// The header fields this proxy decides about, as small numbers: a name is looked at once, when its
// line is read, and everybody after that compares numbers.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace understudy::wire {

enum class FieldId : std::uint8_t {
    other,  // nothing here depends on it: passed on
    accept_encoding,
    api_key,
    authorization,
    connection,
    content_encoding,
    content_length,
    content_type,
    cookie,
    expect,
    host,
    keep_alive,
    ocp_apim_subscription_key,
    origin,
    proxy_authenticate,
    proxy_authorization,
    proxy_connection,
    referer,
    sec_fetch_site,
    te,
    trailer,
    transfer_encoding,
    upgrade,
    via,
    x_api_key,
    x_goog_api_key,
    x_litellm_response_cost,
    x_litellm_session_id,
    x_request_id,
    x_should_retry,
    access_control,  // any name that begins with "access-control-"
    x_understudy,    // any name that begins with "x-understudy-"
};

/// Which field a name means, in any case. `name` must be a token (RFC 9110 5.6.2).
FieldId identify(std::string_view name) noexcept;

/// A set of fields, one bit each.
class FieldSet {
  public:
    constexpr FieldSet() = default;
    constexpr FieldSet(std::initializer_list<FieldId> ids) {
        for (const auto id : ids) add(id);
    }
    constexpr void add(FieldId id) { bits_ |= bit(id); }
    constexpr void clear() { bits_ = 0; }
    constexpr bool contains(FieldId id) const { return (bits_ & bit(id)) != 0; }
    constexpr bool intersects(FieldSet other) const { return (bits_ & other.bits_) != 0; }
    constexpr FieldSet operator|(FieldSet other) const {
        other.bits_ |= bits_;
        return other;
    }

  private:
    static constexpr std::uint64_t bit(FieldId id) {
        return std::uint64_t{1} << static_cast<unsigned>(id);
    }
    std::uint64_t bits_ = 0;
};

/// Fields that belong to one connection and are never forwarded (RFC 9110 7.6.1).
inline constexpr FieldSet kHopByHop{FieldId::connection,
                                    FieldId::keep_alive,
                                    FieldId::proxy_connection,
                                    FieldId::proxy_authenticate,
                                    FieldId::proxy_authorization,
                                    FieldId::te,
                                    FieldId::trailer,
                                    FieldId::transfer_encoding,
                                    FieldId::upgrade};

/// Fields that say who the client is.
inline constexpr FieldSet kCredentials{FieldId::authorization, FieldId::x_api_key,
                                       FieldId::api_key,       FieldId::x_goog_api_key,
                                       FieldId::cookie,        FieldId::ocp_apim_subscription_key};

}  // namespace understudy::wire
