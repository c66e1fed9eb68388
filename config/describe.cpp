#include "config/describe.hpp"

#include "config/bedrock.hpp"
#include "config/context_window.hpp"
#include "config/describe_price.hpp"
#include "config/known_names.hpp"
#include "config/load.hpp"
#include "config/presets.hpp"
#include "config/scalars.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace understudy::config {
namespace {

class Painter {
  public:
    explicit Painter(bool colour) : colour_(colour) {}
    std::string bold(std::string_view text) const { return wrap("1", text); }
    std::string dim(std::string_view text) const { return wrap("2", text); }
    std::string yellow(std::string_view text) const { return wrap("33", text); }

  private:
    std::string wrap(const char* code, std::string_view text) const {
        if (!colour_) return std::string(text);
        return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
    }
    bool colour_;
};

// "name      " -> columns line up; the padding stays outside of the colour.
std::string padding(std::string_view text, std::size_t width) {
    return std::string(text.size() < width ? width - text.size() : 0, ' ');
}

template <class List, class Word>
std::string join(const List& list, std::string_view between, Word word) {
    std::string out;
    for (const auto& item : list) {
        if (!out.empty()) out += between;
        out += word(item);
    }
    return out;
}

std::string line(const Painter& paint, std::string_view name, const std::string& text) {
    return "  " + paint.dim(name) + padding(name, 11) + text + "\n";
}

std::string chain_text(const Config& config, const Route& route) {
    std::string out;
    std::uint32_t tier = 0;
    for (const ChainEntry& entry : route.chain) {
        if (!out.empty()) out += entry.tier > 0 && entry.tier == tier ? " | " : " -> ";
        tier = entry.tier;
        const auto& own = config.upstreams[entry.upstream].model;
        out += entry.text;
        if (own && own == entry.model) out += " (" + *own + ")";
        if (entry.weight > 1) out += " x" + std::to_string(entry.weight);
    }
    return out;
}

std::string number_text(double number) {
    std::string text = std::to_string(number);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

std::string route_terms(const Route& route) {
    return "deadline " + format_duration(route.deadline) + ", " + std::to_string(route.retries) +
           (route.retries == 1 ? " retry" : " retries") + " per entry";
}

std::string key_limits_text(const Key& key) {
    std::string out;
    const auto add = [&out](const std::string& what) { out += ", " + what; };
    const KeyLimits& limits = key.limits;
    if (const auto n = limits.requests_per_minute) add(std::to_string(*n) + " requests a minute");
    if (const auto n = limits.tokens_per_minute) add(std::to_string(*n) + " tokens a minute");
    if (const auto n = limits.requests_in_flight) add(std::to_string(*n) + " requests at once");
    if (const auto usd = limits.budget_usd_per_day) add(number_text(*usd) + " USD a day");
    if (const auto usd = limits.budget_usd_per_month) add(number_text(*usd) + " USD a month");
    if (key.expires) add("until " + format_time(*key.expires));
    return out;
}

std::string keys_text(const Config& config) {
    if (config.keys.empty()) return "none needed";
    return join(config.keys, "; ", [](const Key& key) {
        return key.name + " (" +
               (key.routes.empty() ? "every model"
                                   : join(key.routes, ", ", [](const auto& r) { return r; })) +
               key_limits_text(key) + ")";
    });
}

std::string key_text(const Upstream& upstream) {
    if (!upstream.key_variable.empty()) return "key of " + upstream.key_variable;
    if (upstream.key_count() > 1) return std::to_string(upstream.key_count()) + " own keys";
    if (upstream.api_key) return "own key";
    if (upstream.aws) return "signed, " + upstream.aws->source;
    if (carries_key(upstream)) return "own key in a header";
    const bool local = upstream.preset != nullptr && upstream.preset->kind == PresetKind::local;
    return local ? "no key" : "client's key";
}

std::string describe_upstreams(const Config& config, const Painter& paint) {
    std::size_t name_width = 0, url_width = 0;
    for (const Upstream& upstream : config.upstreams) {
        name_width = std::max(name_width, upstream.name.size() + 2);
        url_width = std::max(url_width, upstream.base_url.text().size() + 2);
    }
    std::string out = "\n" + paint.bold("upstreams") + "\n";
    for (const Upstream& upstream : config.upstreams) {
        const std::string url = upstream.base_url.text();
        out += "  " + upstream.name + padding(upstream.name, name_width) + url +
               padding(url, url_width) + key_text(upstream);
        if (upstream.dialect != Dialect::chat) {
            out += ", speaks " + std::string(wire::name_of(upstream.dialect));
        }
        if (upstream.model) out += ", model " + *upstream.model;
        if (upstream.proxy) out += ", through " + upstream.proxy->text();
        out += "\n";
    }
    return out;
}

std::string describe_routes(const Config& config, const Painter& paint) {
    std::size_t width = 0;
    for (const Route& route : config.routes) width = std::max(width, route.label().size() + 2);
    std::string out = "\n" + paint.bold("routes") + "\n";
    for (const Route& route : config.routes) {
        const auto label = route.label();
        out += "  " + label + padding(label, width) + chain_text(config, route) +
               paint.dim("  " + route_terms(route)) + "\n";
    }
    return out;
}

std::string fallback_text(const Route& route) {
    std::string out;
    for (std::size_t i = 0; i < wire::kFailureClassCount; ++i) {
        const auto failure = static_cast<wire::FailureClass>(i);
        if (!route.fallback_on.contains(failure)) continue;
        if (!out.empty()) out += ", ";
        out += wire::name_of(failure);
    }
    return out.empty() ? "nothing: every failure of the first entry goes to the client" : out;
}

std::string timeouts_text(const Timeouts& t) {
    return "connect " + format_duration(t.connect) + ", first_token " +
           format_duration(t.first_token) + ", response " + format_duration(t.response) +
           ", idle " + format_duration(t.idle) + ", total " + format_duration(t.total);
}

std::string body_text(const wire::BodyRewrite& body) {
    const auto first = [](const auto& pair) { return pair.first; };
    std::vector<std::string> parts;
    if (!body.set.empty()) parts.push_back("set " + join(body.set, ", ", first));
    if (!body.drop.empty()) {
        parts.push_back("drop " + join(body.drop, ", ", [](const auto& name) { return name; }));
    }
    if (!body.rename.empty()) {
        parts.push_back("rename " + join(body.rename, ", ", [](const auto& pair) {
                            return pair.first + " to " + pair.second;
                        }));
    }
    if (!body.bounds.empty()) {
        parts.push_back("keep in range " +
                        join(body.bounds, ", ", [](const auto& range) { return range.member; }));
    }
    return join(parts, "; ", [](const auto& part) { return part; });
}

std::string explain_key(const Upstream& upstream) {
    if (!upstream.key_variable.empty()) return upstream.key_variable + " of the environment";
    if (upstream.key_count() > 1) return std::to_string(upstream.key_count()) + " of its own";
    if (upstream.aws) return "signs with that of " + upstream.aws->source;
    if (!upstream.api_key && carries_key(upstream)) return "its own, in a header";
    return upstream.api_key ? "its own" : "the client's, passed through";
}

std::string breaker_text(const Breaker& breaker) {
    return "after " + std::to_string(breaker.failures) +
           (breaker.failures == 1 ? " failure" : " failures in a row") + " within " +
           format_duration(breaker.window) + " it rests for " + format_duration(breaker.cooldown) +
           " and then longer";
}

std::string proxy_text(const Proxy& proxy) {
    return proxy.text() + (proxy.variable.empty() ? "" : ", of " + proxy.variable);
}

std::string explain_entry(const Config& config, const ChainEntry& entry, std::string_view asked,
                          const Painter& paint) {
    const Upstream& upstream = config.upstreams[entry.upstream];
    std::string model = entry.model.value_or(std::string(asked));
    if (upstream.known_names && !entry.model) {
        model = known_name(*upstream.preset, asked).value_or(model);
    }
    std::string out = line(paint, "sends", "model " + model + " to " + upstream.base_url.text());
    if (upstream.dialect != Dialect::chat) {
        out += line(paint, "dialect", std::string(wire::name_of(upstream.dialect)));
    }
    out += line(paint, "key", explain_key(upstream));
    if (!upstream.headers.empty()) {
        out += line(paint, "headers", join(upstream.headers, ", ", [](const HeaderSetting& header) {
                        return header.name;
                    }));
    }
    if (!upstream.body.empty()) out += line(paint, "body", body_text(upstream.body));
    if (upstream.base_url.tls) {
        const TlsOptions& tls = upstream.tls;
        if (!tls.verify) {
            out += line(paint, "tls", paint.yellow("not verified"));
        } else if (!tls.ca.empty()) {
            out += line(paint, "tls", "verified against " + tls.ca);
        }
    }
    if (upstream.proxy) out += line(paint, "proxy", proxy_text(*upstream.proxy));
    if (const auto window = context_window(config, upstream, model)) {
        out += line(paint, "context",
                    std::to_string(window) + " tokens; what is surely longer passes it over");
    }
    if (const auto most = max_output(config, upstream, model)) {
        out += line(paint, "max output", std::to_string(most) + " tokens");
    }
    out += line(paint, "timeouts", timeouts_text(upstream.timeouts));
    if (upstream.breaker) out += line(paint, "breaker", breaker_text(*upstream.breaker));
    if (upstream.health) {
        out += line(paint, "health",
                    "asked for " + upstream.health->path + " every " +
                        format_duration(upstream.health->interval));
    }
    std::string_view name = "price";
    for (const auto& text : describe_price(config, upstream, model)) {
        out += line(paint, name, text);
        name = {};
    }
    return out;
}

std::string allowed_keys(const Config& config, std::string_view model) {
    std::string out;
    for (const Key& key : config.keys) {
        const bool allowed = key.routes.empty() || std::any_of(key.routes.begin(), key.routes.end(),
                                                               [&](const std::string& glob) {
                                                                   return glob_match(glob, model);
                                                               });
        if (!allowed) continue;
        if (!out.empty()) out += ", ";
        out += key.name;
    }
    return out.empty() ? "none" : out;
}

// What becomes of a request for `model` on this route.
std::string explain_route(const Config& config, const Route& route, std::string_view model,
                          const Painter& paint) {
    std::string out =
        line(paint, "deadline", format_duration(route.deadline) + " over all attempts");
    out += line(paint, "retries",
                std::to_string(route.retries) + " per entry, " + format_duration(route.retry.base) +
                    " to " + format_duration(route.retry.max) + " apart; a retry-after of up to " +
                    format_duration(route.retry.max_retry_after) + " is waited for");
    out += line(paint, "falls back", fallback_text(route));
    if (!config.keys.empty()) out += line(paint, "allowed", allowed_keys(config, model));
    if (route.hedge) {
        const auto& hedge = *route.hedge;
        out += line(paint, "hedged",
                    "after " +
                        (hedge.after ? format_duration(*hedge.after)
                                     : "p" + number_text(*hedge.percentile) + " of what is usual") +
                        ", for " + number_text(hedge.budget_percent) + "% of requests at most");
    }
    if (route.keepalive) {
        out += line(
            paint, "keepalive",
            "a waiting stream's client hears of it every " + format_duration(*route.keepalive));
    }
    for (const OnFailure& on : route.on) {
        const std::string chain =
            join(on.chain, " -> ", [](const ChainEntry& entry) { return entry.text; });
        out += line(paint, "on", std::string(wire::name_of(on.failure)) + ": " + chain);
    }
    for (std::size_t i = 0; i < route.chain.size(); ++i) {
        const ChainEntry& entry = route.chain[i];
        const bool beside = i > 0 && entry.tier > 0 && entry.tier == route.chain[i - 1].tier;
        out += "\n" + paint.bold(std::to_string(i + 1) + ". " + entry.text) +
               (beside ? "  (or before the one above: their order is drawn)" : "") + "\n" +
               explain_entry(config, entry, model, paint);
    }
    return out;
}

}  // namespace

std::string describe(const Config& config, bool colour) {
    const Painter paint(colour);
    std::string out = paint.bold(config.source_text()) + " is valid\n\n";
    out += line(paint, "listen",
                join(config.listen, ", ", [](const Endpoint& e) { return e.text(); }));
    out += line(paint, "admin", config.admin ? config.admin->text() : "on the same address");
    out += line(paint, "workers",
                config.workers > 0 ? std::to_string(config.workers)
                                   : std::to_string(auto_workers()) + " (auto)");
    out += line(paint, "keys", keys_text(config));
    out += describe_upstreams(config, paint) + describe_routes(config, paint);
    if (config.warnings.empty()) return out;
    out += "\n" + paint.bold("warnings") + "\n";
    for (const std::string& warning : config.warnings) out += "  " + paint.yellow(warning) + "\n";
    return out;
}

std::optional<std::string> explain(const Config& config, std::string_view model, bool colour) {
    const Painter paint(colour);
    const Route* route = config.route_for(model);
    if (route == nullptr) return std::nullopt;
    std::string before;
    for (const Route& other : config.routes) {
        if (&other == route) break;
        if (!glob_match(other.model, model)) continue;
        before += line(paint, "unless",
                       text_of(other.when) + ": then " + in_quotes(other.label()) + " takes it");
    }
    return paint.bold(model) + " takes the route " + in_quotes(route->label()) + "\n\n" + before +
           explain_route(config, *route, model, paint);
}

std::optional<std::string> explain_request(const Config& config, const RequestSample& request,
                                           bool colour) {
    const Painter paint(colour);
    const auto& content = request.content;
    std::string out =
        line(paint, "request",
             "model " + request.model + ", " + (content.images ? "images" : "no images") + ", " +
                 (content.tools ? "tools" : "no tools") + ", about " +
                 std::to_string(content.prompt_tokens) + " prompt tokens");
    const wire::Fields none;
    for (const Route& route : config.routes) {
        if (!glob_match(route.model, request.model)) {
            out += line(paint, "not", in_quotes(route.label()) + ": the model's name is another");
        } else if (const auto why = unmet(route.when, content, none)) {
            out += line(paint, "not", in_quotes(route.label()) + ": " + *why);
        } else {
            return out + "\n" + paint.bold(request.model) + " takes the route " +
                   in_quotes(route.label()) + "\n\n" +
                   explain_route(config, route, request.model, paint);
        }
    }
    return std::nullopt;
}

std::string no_route(const Config& config, std::string_view model) {
    std::vector<std::string_view> globs;
    globs.reserve(config.routes.size());
    for (const Route& route : config.routes) globs.push_back(route.model);
    return "no route matches " + in_quotes(model) + ", a client would get 404 model_not_found; " +
           "the routes are " +
           join(globs, ", ", [](std::string_view glob) { return std::string(glob); });
}

}  // namespace understudy::config
