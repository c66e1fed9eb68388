// Where the body of a message ends, and the other rules of RFC 9112 that a grammar cannot express.
// Pure functions over what the reader noted while it met the fields. Internal to this room.
#pragma once

#include "wire/head.hpp"

#include <string_view>

namespace understudy::wire {

/// The fields that decide about framing and connection, noted in passing so that nobody has to
/// search for them.
struct Noted {
    unsigned lengths = 0;  // how many Content-Length fields there are
    unsigned codings = 0;  // ... Transfer-Encoding
    unsigned hosts = 0;    // ... Host
    std::string_view length;
    std::string_view coding;
    std::string_view host;
    bool close = false;       // Connection: close
    bool keep_alive = false;  // Connection: keep-alive
    bool expects_continue = false;
    bool lookalike = false;  // a name that looks_like_framing()
};

/// The parts of a request target.
struct Target {
    std::string_view authority;  // empty for origin-form
    std::string_view path;       // path and query, never empty
};

/// uri-host [":" port] (RFC 9110 7.2), not empty, no empty label, without userinfo.
bool is_host(std::string_view text) noexcept;

/// Whether a field's name is that of a field which decides about framing or connection but for '_'
/// in the place of '-': gateways that turn both into one name (CGI, WSGI) would take it for that.
bool looks_like_framing(std::string_view name) noexcept;

/// Reads origin-form or http(s) absolute-form; anything else is refused. The path of an absolute
/// target without one is the second slash of its "://", so that it too is a slice of the buffer.
bool split_target(std::string_view text, Target& target) noexcept;

/// False as soon as no continuation of `begun` can be a target that split_target() takes.
bool may_become_target(std::string_view begun) noexcept;

HeadError frame_request(const Noted& noted, int minor_version, Framing& framing) noexcept;
/// Clears `reusable` where bytes may follow that do not belong to any message.
HeadError frame_response(const Noted& noted, int minor_version, unsigned status,
                         bool to_head_request, Framing& framing, bool& reusable) noexcept;

/// Whether the connection outlives the message as far as version and Connection fields say.
bool is_persistent(const Noted& noted, int minor_version) noexcept;

}  // namespace understudy::wire
