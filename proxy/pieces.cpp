#include "proxy/pieces.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace understudy::proxy {

namespace {

constexpr std::uint64_t kMostImages = 100;  // in one request; the largest `n` of any API is 10

/// Of several answers, as the client wrote it; empty: it did not.
std::string_view n_of(const Inbound& request) {
    std::string_view n;
    if (request.facts.json) {
        for (const auto& member : request.facts.members) {
            if (member.key.of(request.body) == "\"n\"") n = member.value.of(request.body);
        }
        return n == "null" ? std::string_view() : n;
    }
    constexpr std::string_view kField = "name=\"n\"\r\n\r\n";  // of multipart/form-data
    const auto at = request.body.find(kField);
    return at == std::string_view::npos ? n : request.body.substr(at + kField.size());
}

/// 0: it is no number that makes sense.
std::uint64_t images_in(std::string_view n) {
    std::uint64_t count = 0;
    const auto [end, ec] = std::from_chars(n.data(), n.data() + n.size(), count);
    const bool good = ec == std::errc{} && count >= 1 && count <= kMostImages;
    return good ? count : 0;
}

std::uint64_t images_asked(const Inbound& request) {
    return std::max<std::uint64_t>(images_in(n_of(request)), 1);
}

}  // namespace

metrics::Pieces pieces_of(const Inbound& request) {
    metrics::Pieces pieces;
    pieces.requests = 1;
    if (request.endpoint.shape == wire::AnswerShape::images) pieces.images = images_asked(request);
    return pieces;
}

std::uint64_t closings_of(const Inbound& request) {
    if (request.endpoint.shape != wire::AnswerShape::images) return 1;
    const auto n = n_of(request);
    return n.empty() ? 1 : images_in(n);
}

}  // namespace understudy::proxy
