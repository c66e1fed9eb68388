#include "cmd/probe/judge.hpp"

#include "cmd/probe/models.hpp"
#include "cmd/probe/question.hpp"
#include "config/text.hpp"

#include <utility>

namespace understudy::cmd::probe {
namespace {

using config::in_quotes;
using wire::FailureClass;

constexpr std::string_view kPlainAnswer = "events were asked for, a plain answer came";

std::string counted(std::size_t models) {
    return std::to_string(models) + (models == 1 ? " model" : " models");
}

// "its list of 40 models lacks "gpt-4o-mimi"; nearest: gpt-4o-mini, gpt-4o"; empty when it does
// not.
std::string what_the_list_lacks(const config::Upstream& upstream, const Listing& listing,
                                const std::string& model) {
    if (!listing.read || !list_is_of_models(upstream)) return {};
    if (lists(listing.names, model)) return {};
    if (listing.names.empty()) return "its list of models is empty";
    std::string text = "its list of " + counted(listing.names.size()) + " lacks " +
                       in_quotes(model) + "; nearest: ";
    const auto nearest = nearest_models(model, listing.names);
    for (std::size_t i = 0; i < nearest.size(); ++i) {
        text += (i == 0 ? "" : ", ") + in_quotes(nearest[i]);
    }
    return text;
}

// Why no model could be chosen; the beginning of what to do about it.
std::string why_none(const config::Upstream& upstream, const Listing& listing) {
    if (!has_list(upstream)) return "it is not asked for a list of its models";
    if (!list_is_of_models(upstream)) return "its list does not tell which deployments there are";
    if (listing.read && listing.names.empty()) return "its list of models is empty";
    if (listing.read) {
        return "none of the " + counted(listing.names.size()) +
               " on its list looks like one to "
               "chat with";
    }
    if (listing.heard.status == 0) return "its list of models did not come";
    return "it has no list of models (GET " + upstream.base_url.text() +
           "/models: " + quote_answer(upstream, listing.heard) + ")";
}

// 404 wherever one asks, and no word of a model: the path is none of the API's.
bool wrong_path(const Listing& listing, const Heard& heard) {
    if (heard.status != 404 || listing.heard.status != 404) return false;
    return config::lower(error_message(heard.body)).find("model") == std::string::npos;
}

std::string explain_path(const config::Upstream& upstream) {
    const auto base = upstream.base_url.text();
    const bool google = upstream.dialect == wire::Dialect::gemini;
    const auto asked = question_for(upstream.dialect, {});
    return "HTTP 404 at " + base + "/models and " +
           (google ? "below it" : base + std::string(asked.path)) +
           " alike; is the path of base_url right, or is " + (google ? "/v1beta" : "/v1") +
           " missing at its end?";
}

std::string explain_model(const config::Upstream& upstream, const Listing& listing,
                          const Asked& asked, const Heard& heard) {
    if (wrong_path(listing, heard)) return explain_path(upstream);
    const auto said = quote_answer(upstream, heard);
    const auto model = in_quotes(asked.model);
    switch (asked.origin) {
        case Origin::stand_in:
            return "no model to ask for: " + why_none(upstream, listing) +
                   "; name one with --model NAME, or as `model` in the configuration";
        case Origin::listed:
            return "asked for " + model + " of its list: " + said +
                   "; name another with --model NAME";
        case Origin::priced:
            return "asked for " + model + " of the price table, because " +
                   why_none(upstream, listing) + ": " + said + "; name yours with --model NAME";
        case Origin::configured:
            break;
    }
    const auto lacking = what_the_list_lacks(upstream, listing, asked.model);
    if (!lacking.empty()) return "asked for " + model + ": " + said + "; " + lacking;
    if (heard.failure != FailureClass::not_found) return "asked for " + model + ": " + said;
    return "asked for " + model + ": " + said +
           (listing.read && list_is_of_models(upstream)
                ? "; its list has that model: may this key use it, and for chat?"
                : "; is that the model's name there?");
}

std::string explain(const config::Upstream& upstream, const Listing& listing, const Asked& asked,
                    const Heard& heard) {
    if (heard.status == 0) return explain_silence(upstream, heard);
    switch (heard.failure) {
        case FailureClass::auth:
            return explain_refusal(upstream, heard);
        case FailureClass::not_found:
        case FailureClass::bad_request:
        case FailureClass::context_length:
        case FailureClass::content_filter:
            if (heard.status >= 400) return explain_model(upstream, listing, asked, heard);
            break;
        default:
            break;
    }
    return explain_failure(upstream, heard);
}

constexpr std::string_view kAskedWithout =
    "; it refuses stream_options and was asked without: `body: { drop: [stream_options] }` saves "
    "the first attempt";

void judge_usable(const config::Upstream& upstream, const Listing& listing, const Asked& asked,
                  Row& row) {
    row.state = Row::State::usable;
    row.model = "ok";
    if (asked.origin == Origin::stand_in) {
        row.verdict = "usable, answers under any model name";
        return;
    }
    row.verdict = "usable, asked for " + asked.model;
    if (asked.origin != Origin::configured) return;
    const auto lacking = what_the_list_lacks(upstream, listing, asked.model);
    if (lacking.empty()) return;
    row.state = Row::State::remark;
    row.model = "UNLISTED";
    row.verdict = "usable, it answered " + in_quotes(asked.model) + "; but " + lacking;
}

std::string key_word(const config::Upstream& upstream, const Listing& listing, const Heard& heard) {
    const auto& told = heard.status != 0 ? heard : listing.heard;
    if (told.status == 0) return "-";
    if (told.failure == FailureClass::auth) return has_credential(upstream) ? "REFUSED" : "MISSING";
    // A redirect, or a server in trouble, may not have looked at it.
    if (told.status >= 500 || (told.status >= 300 && told.status < 400)) return "-";
    return has_credential(upstream) ? "ok" : "none";
}

Row row_so_far(const config::Upstream& upstream, Step step) {
    Row row;
    row.name = upstream.name;
    if (step == Step::proxy) return row;  // nothing of the upstream itself was seen
    row.dns = step == Step::resolve ? "FAILED" : "ok";
    if (step == Step::resolve) return row;
    row.tcp = step == Step::connect ? "FAILED" : "ok";
    if (step == Step::connect || !upstream.base_url.tls) return row;
    row.tls = step == Step::handshake ? "FAILED" : "ok";
    return row;
}

}  // namespace

bool unreachable(const config::Upstream& upstream, const Heard& heard) {
    return reached(heard, upstream.base_url.tls) != Step::answer;
}

Row row_of_unreachable(const config::Upstream& upstream, const Heard& heard, std::string why) {
    auto row = row_so_far(upstream, reached(heard, upstream.base_url.tls));
    row.verdict = std::move(why);
    return row;
}

Row row_of_answer(const config::Upstream& upstream, const Listing& listing, const Asked& asked,
                  const Told& told) {
    const auto& heard = told.heard;
    auto row = row_so_far(upstream, reached(heard, upstream.base_url.tls));
    row.key = key_word(upstream, listing, heard);
    if (heard.failure == FailureClass::not_found && !wrong_path(listing, heard)) {
        row.model = asked.origin == Origin::stand_in ? "-" : "MISSING";
    }
    if (told.streams) row.streams = "ok";
    if (heard.detail == kPlainAnswer) row.streams = "NO";
    if (told.first_token) {
        row.first_token = std::to_string(told.first_token->count()) + " ms";
        row.usage = told.usage ? "ok" : "MISSING";
    }
    if (heard.good()) {
        judge_usable(upstream, listing, asked, row);
        if (told.refuses_stream_options) row.verdict += kAskedWithout;
    } else {
        row.verdict = explain(upstream, listing, asked, heard);
    }
    return row;
}

bool may_try_another(const Heard& heard) {
    return heard.failure == FailureClass::not_found || heard.failure == FailureClass::bad_request;
}

}  // namespace understudy::cmd::probe
