// Which requests of web pages are taken. A browser sends any page's requests anywhere, also to this
// machine's loopback, where nobody asks for a key: without `keys` the page's origin and the name
// under which the proxy is addressed decide. Pure; one per configuration, immutable.
#pragma once

#include "config/config.hpp"
#include "proxy/local_error.hpp"
#include "wire/head.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy {

/// Whether a host as in Host or an Origin, with or without a port, is this machine in any reader's
/// eyes: localhost and names below it, 127.0.0.0/8, [::1].
bool is_loopback_host(std::string_view host);

class WebGuard {
  public:
    explicit WebGuard(const config::Config& config);

    /// 403 for a request that some web page may have made unasked; it names the setting that lets
    /// it in. With `keys` configured the key guards, and only preflights are refused here.
    /// `on_admin`: came in at the admin listener.
    std::optional<LocalError> check(const wire::RequestHead& head, bool on_admin) const;

    /// Whether pages of this origin may read answers.
    bool allows(std::string_view origin) const;

  private:
    bool named_as_ours(std::string_view host) const;

    bool keys_;
    // Where other machines may connect (--insecure) the names they use are not known, and every
    // Host is taken. Origins are checked there too.
    bool check_host_;
    bool check_admin_host_;
    std::vector<std::string> origins_;
    std::vector<std::string> hosts_;  // globs in lower case
};

/// A browser asks whether it may send the real request (Fetch standard, "CORS-preflight request").
bool is_preflight(const wire::RequestHead& head);
/// The header lines, each with CRLF, that let pages of `origin` read an answer.
std::string cors_fields(std::string_view origin);
/// The same for the answer to a preflight: also what the real request may look like.
std::string preflight_fields(const wire::RequestHead& head);

}  // namespace understudy::proxy
