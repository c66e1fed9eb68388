#include "proxy/pieces.hpp"

#include <charconv>

namespace understudy::proxy {

namespace {

constexpr std::uint64_t kMostImages = 100;  // in one request; the largest `n` of any API is 10

std::uint64_t count_in(std::string_view text) {
    std::uint64_t count = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), count);
    const bool good = ec == std::errc{} && count >= 1 && count <= kMostImages;
    return good ? count : 1;
}

std::uint64_t images_asked(const Inbound& request) {
    if (request.facts.json) {
        std::uint64_t count = 1;
        for (const auto& member : request.facts.members) {
            if (member.key.of(request.body) != "\"n\"") continue;
            count = count_in(member.value.of(request.body));
        }
        return count;
    }
    constexpr std::string_view kField = "name=\"n\"\r\n\r\n";  // of multipart/form-data
    const auto at = request.body.find(kField);
    return at == std::string_view::npos ? 1 : count_in(request.body.substr(at + kField.size()));
}

}  // namespace

metrics::Pieces pieces_of(const Inbound& request) {
    metrics::Pieces pieces;
    pieces.requests = 1;
    if (request.endpoint.shape == wire::AnswerShape::images) pieces.images = images_asked(request);
    return pieces;
}

}  // namespace understudy::proxy
