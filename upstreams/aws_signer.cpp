#include "upstreams/aws_signer.hpp"

#include "config/text.hpp"
#include "wire/append.hpp"
#include "wire/aws_signature.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace understudy::upstreams {
namespace {

constexpr std::string_view kService = "bedrock";
constexpr std::string_view kLineEnd = "\r\n";

std::string_view take_line(std::string_view& rest) {
    const auto end = std::min(rest.find(kLineEnd), rest.size());
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + kLineEnd.size(), rest.size()));
    return line;
}

std::string_view take_until(std::string_view& rest, char mark) {
    const auto end = std::min(rest.find(mark), rest.size());
    const auto part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

}  // namespace

void AwsSigner::sign(std::string& head, std::string_view body_hash,
                     std::chrono::system_clock::time_point now) const {
    wire::AwsRequest request;
    std::string_view rest(head);
    auto line = take_line(rest);
    request.method = take_until(line, ' ');
    auto target = take_until(line, ' ');
    request.path = take_until(target, '?');
    request.query = target;
    std::vector<std::pair<std::string, std::string_view>> fields;
    while (!rest.empty()) {
        auto value = take_line(rest);
        auto name = config::lower(take_until(value, ':'));
        if (name == "host") {
            request.host = value;
        } else if (name == "content-type" || name.starts_with("x-amz-")) {
            fields.emplace_back(std::move(name), value);
        }
    }
    for (const auto& [name, value] : fields) request.headers.emplace_back(name, value);
    request.body_hash = body_hash;

    const wire::AwsKey key{credentials_.key_id, credentials_.secret.reveal(),
                           credentials_.token.reveal()};
    const auto time = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    const auto signature = wire::sign(request, key, {region_, kService, time.count()});
    head.resize(head.size() - kLineEnd.size());
    wire::append_field(head, "x-amz-date", signature.date);
    if (!key.token.empty()) wire::append_field(head, "x-amz-security-token", key.token);
    wire::append_field(head, "authorization", signature.authorization);
    head += kLineEnd;
}

}  // namespace understudy::upstreams
