#include "cmd/announce.hpp"

#include "proxy/log.hpp"

#include <cerrno>

namespace understudy::cmd {

namespace {

std::string chain_of(const config::Route& route) {
    std::string out;
    for (const auto& entry : route.chain) {
        if (!out.empty()) out += " -> ";
        out += entry.text;
    }
    return out;
}

}  // namespace

void log_what_is_served(const config::Config& config) {
    constexpr auto kLevel = config::LogLevel::info;
    if (!proxy::log_enabled(kLevel)) return;
    for (const auto& upstream : config.upstreams) {
        proxy::LogFields fields{{"name", upstream.name},
                                {"base_url", upstream.base_url.text()},
                                {"key", upstream.has_key() ? "own" : "the client's"}};
        if (upstream.proxy) fields.emplace_back("proxy", upstream.proxy->text());
        if (upstream.model) fields.emplace_back("model", *upstream.model);
        proxy::log(kLevel, "upstream", fields);
    }
    for (const auto& route : config.routes) {
        proxy::log(kLevel, "route", {{"model", route.model}, {"chain", chain_of(route)}});
    }
}

std::string client_base_url(const config::Endpoint& endpoint) {
    config::Endpoint shown = endpoint;
    if (shown.address == "0.0.0.0") shown.address = "127.0.0.1";
    if (shown.address == "::") shown.address = "::1";
    return "http://" + shown.text() + "/v1";
}

std::string bind_advice(const std::string& endpoint, int code) {
    const std::string port = endpoint.substr(endpoint.rfind(':') + 1);
    if (code == EADDRINUSE) {
        return "another program has that port, perhaps another understudy (`ss -ltnp sport = :" +
               port +
               "` shows it): stop that one, or take another port with --listen ADDR:PORT or in "
               "the configuration (`listen`, `admin`)";
    }
    if (code == EACCES) {
        return "ports below 1024 need a privilege; take another port, such as 8080";
    }
    if (code == EADDRNOTAVAIL) {
        return "this machine has no such address; listen on 127.0.0.1, or on one that `ip address` "
               "shows";
    }
    return {};
}

}  // namespace understudy::cmd
