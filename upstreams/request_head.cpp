#include "upstreams/request_head.hpp"

#include "config/presets.hpp"
#include "upstreams/azure_target.hpp"
#include "upstreams/hop_mark.hpp"
#include "wire/append.hpp"
#include "wire/line_copier.hpp"
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

// Of the fields without an id: whether a client's stays here. `credentials`: the client's own may
// travel.
bool withheld(std::string_view name, bool credentials) {
    if (wire::is_usual_field(name)) return false;
    if (wire::names_page(name)) return true;
    return !credentials && (wire::names_secret(name) || wire::names_account(name));
}

// The upstream's key in the form in which its service takes it, unless a configured header is that.
void append_key(const config::Upstream& upstream, FieldSet configured, std::string& out) {
    const std::string_view header =
        upstream.preset == nullptr ? std::string_view() : upstream.preset->key_header;
    const std::string& key = upstream.api_key->reveal();
    if (!header.empty()) {
        if (!configured.contains(wire::identify(header))) append_field(out, header, key);
    } else if (!configured.contains(FieldId::authorization)) {
        append_field(out, "authorization", "Bearer " + key);
    }
}

// "Bearer sk-...": only the last word is the secret.
std::string_view without_scheme(std::string_view value) {
    const auto space = value.rfind(' ');
    return space == std::string_view::npos ? value : value.substr(space + 1);
}

// Also as JSON may have it: some writers escape every slash.
void mask_key(std::string_view key, KeyMask& mask) {
    mask.add(key);
    if (key.find('/') == std::string_view::npos) return;
    std::string escaped;
    for (const char c : key) escaped.append(c == '/' ? "\\/" : std::string(1, c));
    mask.add(escaped);
}

}  // namespace

HeadTemplate::HeadTemplate(const config::Upstream& upstream)
    : path_(upstream.base_url.path),
      api_version_(upstream.api_version),
      model_in_path_(upstream.model_in_path),
      first_(" HTTP/1.1\r\n"),
      dropped_(kOurs | wire::kHopByHop),
      own_credentials_(upstream.api_key.has_value()) {
    FieldSet configured;
    for (const auto& header : upstream.headers) {
        const auto id = wire::identify(header.name);
        configured.add(id);
        if (id == FieldId::other) others_.push_back(header.name);
        append_field(last_, header.name, header.value.reveal());
        const bool secret = wire::kCredentials.contains(id) ||
                            (id == FieldId::other && wire::names_secret(header.name));
        if (secret) mask_key(without_scheme(header.value.reveal()), key_mask_);
        // The upstream is given credentials by the configuration, so the client's stay here.
        own_credentials_ = own_credentials_ || secret;
        if (id != FieldId::other) dropped_.add(id);
    }
    if (!configured.contains(FieldId::host))
        append_field(first_, "host", upstream.base_url.authority());
    append_field(last_, "via", hop_mark());
    if (upstream.api_key) append_key(upstream, configured, last_);
    if (upstream.api_key) mask_key(upstream.api_key->reveal(), key_mask_);
    // Compressed events arrive late and compressed answers cannot be judged without decoding.
    if (!configured.contains(FieldId::accept_encoding))
        append_field(last_, "accept-encoding", "identity");
    own_request_id_ = configured.contains(FieldId::x_request_id);
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

void HeadTemplate::write(const OutboundHead& request, std::string& out) const {
    const bool credentials = request.forward_credentials && !own_credentials_;
    std::string rest;
    const auto path = credentials || request.client == nullptr
                          ? request.path
                          : wire::without_secret_parameters(request.path, rest);
    out.append(request.method).append(1, ' ').append(path_);
    if (model_in_path_ && is_of_deployment(path)) append_deployment(out, request.model);
    if (api_version_.empty()) {
        out.append(path);
    } else {
        append_versioned(out, path, api_version_);
    }
    out.append(first_);
    if (request.client != nullptr) copy_fields(request.client->fields, credentials, out);
    if (!request.request_id.empty() && !own_request_id_) {
        append_field(out, "x-request-id", request.request_id);
    }
    out.append(last_);
    if (request.has_body) append_field(out, "content-length", request.body_size);
    out.append("\r\n");
}

}  // namespace understudy::upstreams
