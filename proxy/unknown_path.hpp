// What is said to a request that nothing here serves: the path as it came, and where the mistake
// can be guessed, the right one. Pure.
#pragma once

#include "proxy/local_error.hpp"
#include "wire/head.hpp"

#include <string>
#include <string_view>

namespace understudy::proxy {

/// The target without its query (people put keys there), fit for a message and bounded in length.
std::string shown_path(std::string_view target);

/// Whose errors are understood by clients that ask for this path, served or not.
wire::Dialect dialect_of_path(std::string_view target);

/// A sentence that names the likely mistake and what to do; empty where none is likely.
std::string guess_mistake(std::string_view target);

/// 404 for a path that no listener serves.
LocalError unknown_path(std::string_view target);
/// 404 for what is served, but by the other listener: `admin` or `listen`.
LocalError at_other_listener(std::string_view target, bool on_admin);
/// 405 with the methods that `allow` lists.
LocalError wrong_method(std::string_view method, std::string_view target, std::string_view allow);

/// Whether the client asks to speak WebSocket (RFC 6455 4.1). Clients that fall back to HTTP do so
/// at once on the 426, and try again for a while on anything else.
bool wants_websocket(const wire::Fields& fields);
LocalError websocket_refused();

}  // namespace understudy::proxy
