#include "cmd/probe/scheme.hpp"

#include "config/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace understudy::cmd::probe {
namespace {

// What OpenSSL calls bytes that are no TLS record (an HTTP answer as a rule), over its versions.
constexpr std::array<std::string_view, 5> kNoRecord{"wrong version number",
                                                    "packet length too long", "unknown protocol",
                                                    "http request", "record layer failure"};

// How servers answer plain HTTP on a TLS port: nginx and Cloudflare, Apache, Go's net/http (Caddy,
// Traefik, Ollama behind them), Jetty and Tomcat.
constexpr std::array<std::string_view, 5> kPlainRefused{
    "plain http request was sent to https port", "speaking plain http to an ssl-enabled",
    "sent an http request to an https server", "this combination of host and port requires tls",
    "http request to https port"};

template <std::size_t N>
bool says(const std::array<std::string_view, N>& phrases, std::string_view text) {
    return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
        return text.find(phrase) != std::string_view::npos;
    });
}

std::uint16_t own_port(bool tls) {
    return tls ? 443 : 80;
}

Doubt doubt_tls(const Heard& heard) {
    if (reached(heard, true) != Step::handshake) return Doubt::none;
    if (says(kNoRecord, config::lower(heard.detail))) return Doubt::likely;
    return speaks_tls(heard) ? Doubt::none : Doubt::possible;
}

Doubt doubt_plain(const Heard& heard) {
    if (reached(heard, false) != Step::answer) return Doubt::none;
    // Closed at once, silence, or the bytes of a TLS alert, which are no head.
    if (heard.status == 0) return Doubt::possible;
    if (heard.status >= 300 && heard.status < 400) {
        return config::lower(heard.location).starts_with("https://") ? Doubt::possible
                                                                     : Doubt::none;
    }
    return heard.status >= 400 && says(kPlainRefused, config::lower(heard.body)) ? Doubt::likely
                                                                                 : Doubt::none;
}

}  // namespace

Doubt doubt_scheme(const config::BaseUrl& base, const Heard& heard) {
    // The port follows the scheme, so nobody at the port may mean the scheme.
    const bool usual_port = base.port == own_port(base.tls);
    if (usual_port && reached(heard, base.tls) == Step::connect) return Doubt::possible;
    return base.tls ? doubt_tls(heard) : doubt_plain(heard);
}

config::BaseUrl other_scheme(const config::BaseUrl& base) {
    config::BaseUrl other = base;
    other.tls = !base.tls;
    if (base.port == own_port(base.tls)) other.port = own_port(other.tls);
    return other;
}

std::string explain_scheme(const config::BaseUrl& base, bool proven) {
    const auto other = other_scheme(base);
    const auto place = base.host + " at port " + std::to_string(other.port);
    const std::string speaks = base.tls ? "plain HTTP, not TLS" : "TLS, not plain HTTP";
    if (proven) {
        return place + " speaks " + speaks +
               "; the scheme is the wrong one, write base_url: " + other.text();
    }
    return place + " most likely speaks " + speaks +
           "; the scheme seems to be the wrong one, try base_url: " + other.text();
}

}  // namespace understudy::cmd::probe
