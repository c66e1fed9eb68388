// Listen addresses and base URLs, taken apart and checked. Pure.
#pragma once

#include "config/config.hpp"
#include "config/scalars.hpp"

#include <string>
#include <string_view>

namespace understudy::config {

/// `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`; numeric because a name could come to mean
/// another interface.
Parsed<Endpoint> parse_endpoint(std::string_view text);

/// `https://api.openai.com/v1`. The error never repeats the URL: it may hold a password.
Parsed<BaseUrl> parse_base_url(std::string_view text);

/// A DNS name or numeric IPv4 address as far as characters go.
bool is_host_name(std::string_view text);

/// 127.0.0.0/8, ::1, or the name localhost: never leaves the machine.
bool is_loopback(std::string_view host);

/// The litellm_provider name of the service behind a host ("openai", "groq"); "" when unknown.
std::string provider_of_host(std::string_view host);

/// The path under which a well-known host serves the OpenAI-compatible API ("/v1"); empty when the
/// host is not known or needs none.
std::string_view api_path_of_host(std::string_view host);

/// The usual path of a well-known host where `path` is only its beginning or its end ("", "/v1" for
/// Groq's "/openai/v1"); empty otherwise.
std::string_view likelier_path(std::string_view host, std::string_view path);

}  // namespace understudy::config
