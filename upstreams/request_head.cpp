#include "upstreams/request_head.hpp"

#include "config/presets.hpp"
#include "upstreams/azure_target.hpp"
#include "upstreams/hop_mark.hpp"
#include "wire/append.hpp"
#include "wire/line_copier.hpp"
#include "wire/percent.hpp"
#include "wire/withheld.hpp"

#include <algorithm>

namespace understudy::upstreams {

using wire::append_field;
using wire::FieldId;
using wire::FieldSet;

namespace {

// Fields that are ours to write, or that speak to us only. A body goes up decoded. The page that a
// browser shows is no business of a provider's, and some refuse what comes from pages.
constexpr FieldSet kOurs{
    FieldId::host,          FieldId::expect,          FieldId::x_request_id,
    FieldId::origin,        FieldId::content_length,  FieldId::referer,
    FieldId::x_understudy,  FieldId::accept_encoding, FieldId::content_encoding,
    FieldId::sec_fetch_site};

// What Anthropic's API refuses a request without, and the only one there is.
constexpr std::string_view kAnthropicVersion = "anthropic-version";
constexpr std::string_view kOnlyVersion = "2023-06-01";

// Of the fields without an id: whether a client's stays here. `credentials`: the client's own may
// travel.
bool withheld(std::string_view name, bool credentials) {
    if (wire::is_usual_field(name)) return false;
    if (wire::names_page(name)) return true;
    return !credentials && (wire::names_secret(name) || wire::names_account(name));
}

// The field in which a key is sent; empty: Authorization. An API of its own has one of its own,
// whoever offers it.
std::string_view key_header(const config::Upstream& upstream) {
    switch (upstream.dialect) {
        case wire::Dialect::messages:
            return "x-api-key";
        case wire::Dialect::gemini:
            return "x-goog-api-key";
        default:
            return upstream.preset == nullptr ? std::string_view() : upstream.preset->key_header;
    }
}

// A key in the form in which the service takes it, unless a configured header is that.
void append_key(std::string_view header, std::string_view key, FieldSet configured,
                std::string& out) {
    if (!header.empty()) {
        if (!configured.contains(wire::identify(header))) append_field(out, header, key);
    } else if (!configured.contains(FieldId::authorization)) {
        append_field(out, "authorization", "Bearer " + std::string(key));
    }
}

}  // namespace

HeadTemplate::HeadTemplate(const config::Upstream& upstream)
    : path_(upstream.base_url.path),
      api_version_(upstream.api_version),
      model_in_path_(upstream.model_in_path),
      key_header_(key_header(upstream)),
      first_(" HTTP/1.1\r\n"),
      dropped_(kOurs | wire::kHopByHop),
      own_credentials_(upstream.api_key.has_value()),
      models_("/models/") {
    FieldSet configured;
    for (const auto& header : upstream.headers) {
        const auto id = wire::identify(header.name);
        configured.add(id);
        if (id == FieldId::other) others_.push_back(header.name);
        append_field(last_, header.name, header.value.reveal());
        const bool secret = wire::kCredentials.contains(id) ||
                            (id == FieldId::other && wire::names_secret(header.name));
        if (secret) key_mask_.add_credentials(header.value.reveal());
        // The upstream is given credentials by the configuration, so the client's stay here.
        own_credentials_ = own_credentials_ || secret;
        if (id != FieldId::other) dropped_.add(id);
    }
    if (!configured.contains(FieldId::host))
        append_field(first_, "host", upstream.base_url.authority());
    append_field(last_, "via", hop_mark());
    for (std::size_t i = 0; i < upstream.key_count(); ++i) {
        const auto& key = upstream.key(i).reveal();
        key_mask_.add(key);
        const bool only = upstream.key_count() == 1;
        append_key(key_header_, key, configured, only ? last_ : keys_.emplace_back());
    }
    // Compressed events arrive late and compressed answers cannot be judged without decoding.
    if (!configured.contains(FieldId::accept_encoding))
        append_field(last_, "accept-encoding", "identity");
    if (upstream.dialect == wire::Dialect::converse) be_of_bedrock(upstream, configured);
    own_request_id_ = configured.contains(FieldId::x_request_id);
    wants_version_ =
        upstream.dialect == wire::Dialect::messages && !this->configured(kAnthropicVersion);
}

// Its bodies are always JSON, and what comes back is decided by the path. A model may be named by
// an ARN, whose slashes are its own.
void HeadTemplate::be_of_bedrock(const config::Upstream& upstream, FieldSet configured) {
    models_ = "/model/";
    keeps_slashes_ = false;
    if (!configured.contains(FieldId::content_type)) {
        append_field(last_, "content-type", "application/json");
        dropped_.add(FieldId::content_type);
    }
    if (!this->configured("accept")) others_.emplace_back("accept");
    if (!upstream.aws) return;
    signer_.emplace(*upstream.aws, upstream.region);
    own_credentials_ = true;
    // Refusals may repeat what was signed.
    key_mask_.add(upstream.aws->key_id);
    key_mask_.add(upstream.aws->secret.reveal());
    if (!upstream.aws->token.empty()) key_mask_.add(upstream.aws->token.reveal());
}

bool HeadTemplate::configured(std::string_view name) const {
    return std::any_of(others_.begin(), others_.end(),
                       [&](const auto& other) { return wire::iequals(other, name); });
}

void HeadTemplate::copy_fields(const wire::Fields& fields, bool credentials,
                               std::string& out) const {
    const FieldSet dropped = credentials ? dropped_ : dropped_ | wire::kCredentials;
    wire::LineCopier copy(out);
    for (const auto& f : fields) {
        if (dropped.contains(f.id)) continue;
        if (f.id == FieldId::other && withheld(f.name, credentials)) continue;
        if (wire::named_by_connection(fields, f.name)) continue;
        if (!others_.empty() && configured(f.name)) continue;
        copy.add(f);
    }
    copy.finish();
}

// What a client of another API sent, as far as it says anything here. The body is one of ours.
void HeadTemplate::copy_to_other_api(const OutboundHead& request, bool credentials,
                                     std::string& out) const {
    const FieldSet dropped = dropped_ | wire::kCredentials | FieldSet{FieldId::content_type};
    const auto& fields = request.client->fields;
    wire::LineCopier copy(out);
    for (const auto& f : fields) {
        if (dropped.contains(f.id)) continue;
        if (f.id == FieldId::other && (withheld(f.name, false) || wire::names_api(f.name))) {
            continue;
        }
        if (wire::named_by_connection(fields, f.name)) continue;
        if (!others_.empty() && configured(f.name)) continue;
        copy.add(f);
    }
    copy.finish();
    if (!dropped_.contains(FieldId::content_type))
        append_field(out, "content-type", "application/json");
    if (credentials && !request.client_key.empty())
        append_key(key_header_, request.client_key, {}, out);
}

// The path below the base URL, and the query without the client's secrets where they stay here.
void HeadTemplate::write_target(const OutboundHead& request, bool credentials,
                                std::string& out) const {
    std::string rest;
    const bool whole = credentials || request.client == nullptr;
    const auto clean = [&](std::string_view target) {
        return whole ? target : wire::without_secret_parameters(target, rest);
    };
    out.append(request.base_path.empty() ? std::string_view(path_) : request.base_path);
    if (!request.action.empty()) {
        wire::append_name_in_path(out.append(models_), request.model, keeps_slashes_);
        out.append(clean(request.action));
        return;
    }
    const auto path = clean(request.path);
    if (model_in_path_ && is_of_deployment(path)) append_deployment(out, request.model);
    if (api_version_.empty()) {
        out.append(path);
    } else {
        append_versioned(out, path, api_version_);
    }
}

void HeadTemplate::write(const OutboundHead& request, std::string& out) const {
    const bool credentials = request.forward_credentials && !own_credentials_;
    out.append(request.method).append(1, ' ');
    write_target(request, credentials, out);
    out.append(first_);
    if (request.other_api) {
        copy_to_other_api(request, credentials, out);
    } else if (request.client != nullptr) {
        copy_fields(request.client->fields, credentials, out);
    }
    wire::HeadWriter end(out);
    if (wants_version_ && (request.client == nullptr || request.other_api ||
                           request.client->fields.find(kAnthropicVersion).data() == nullptr)) {
        end.add_field(kAnthropicVersion, kOnlyVersion);
    }
    if (!request.request_id.empty() && !own_request_id_) {
        end.add_field("x-request-id", request.request_id);
    }
    end.add(last_);
    if (!keys_.empty()) end.add(keys_[request.key]);
    if (request.has_body) end.add_field("content-length", request.body_size);
    end.add("\r\n");
}

}  // namespace understudy::upstreams
