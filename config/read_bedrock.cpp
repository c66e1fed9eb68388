// What an upstream of bedrock says of itself.
#include "config/bedrock.hpp"
#include "config/read.hpp"
#include "config/text.hpp"

namespace understudy::config {

void read_region(const Section& section, Upstream& upstream) {
    const auto value = section.get("region");
    const std::string* text = value ? value->text("a region such as us-east-1") : nullptr;
    if (text == nullptr) return;
    if (!is_bedrock(upstream)) {
        value->problem("is of `provider: bedrock` only; remove it");
    } else if (!is_region(*text)) {
        value->problem(value->shown() + " is not a region such as us-east-1");
    } else {
        upstream.region = *text;
    }
}

namespace {

// In OpenAI's API it takes keys of its own alone, and those of AWS that are there are of no use.
void warn_of_unsigned(const Section& section, const Upstream& upstream) {
    const bool own = upstream.api_key || carries_key(upstream);
    if (upstream.dialect == Dialect::converse || own) return;
    const auto& value = section.value();
    const auto set = [&](const char* name) { return value.context().env(name).value_or("") != ""; };
    if (!set("AWS_ACCESS_KEY_ID") && !set("AWS_PROFILE")) return;
    const auto dialect = section.get("dialect");
    (dialect ? *dialect : value)
        .warn(
            "requests in this dialect are not signed, and AWS's keys not used: they go with the "
            "client's own key; write an `api_key` of Bedrock's own, set "
            "AWS_BEARER_TOKEN_BEDROCK, or write `dialect: converse`");
}

}  // namespace

void read_bedrock(const Section& section, Upstream& upstream) {
    if (!is_bedrock(upstream)) return;
    if (section.get("region") && upstream.region.empty()) return;           // has been told of
    if (section.get("base_url") && upstream.base_url.host.empty()) return;  // the same
    for (const HeaderSetting& header : upstream.headers) {
        const auto name = lower(header.name);
        if (name != "x-amz-date" && name != "x-amz-security-token") continue;
        section.value().problem("headers: " + name + " is a part of the signature; remove it");
    }
    const auto problem = settle_bedrock(upstream, section.value().context().env);
    if (!problem) return warn_of_unsigned(section, upstream);
    const auto value = section.get(problem->setting);
    const std::string where = value ? "" : problem->setting + " ";
    (value ? *value : section.value()).problem(where + problem->what);
}

}  // namespace understudy::config
