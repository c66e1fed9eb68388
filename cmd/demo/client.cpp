#include "cmd/demo/client.hpp"

#include "wire/chunk.hpp"
#include "wire/head.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace understudy::demo {
namespace {

constexpr timeval kPatience{10, 0};

/// Closes the socket whatever happens.
class Socket {
  public:
    explicit Socket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
        connected_ =
            ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    bool send(std::string_view bytes) const {
        while (connected_ && !bytes.empty()) {
            const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return connected_;
    }
    /// Everything until the server closes.
    std::string receive_all() const {
        std::string bytes;
        std::array<char, 16384> piece{};
        for (;;) {
            const auto got = ::recv(fd_, piece.data(), piece.size(), 0);
            if (got <= 0) return bytes;
            bytes.append(piece.data(), static_cast<std::size_t>(got));
        }
    }

  private:
    int fd_;
    bool connected_ = false;
};

void read_body(const wire::ResponseHead& head, std::string body, Answer& answer) {
    if (head.framing.kind == wire::BodyKind::chunked) {
        wire::ChunkDecoder decoder;
        std::size_t payload = 0;
        std::size_t consumed = 0;
        const bool sound = decoder.decode_in_place(body.data(), body.size(), payload, consumed);
        body.resize(payload);
        answer.whole = sound && decoder.done();
    } else {
        answer.whole = body.size() >= head.framing.length;
    }
    answer.body = std::move(body);
}

}  // namespace

std::string_view Answer::field(std::string_view name) const {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const auto& f) { return wire::iequals(f.first, name); });
    return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

Answer ask(std::uint16_t port, std::string_view path, std::string_view json) {
    const auto start = std::chrono::steady_clock::now();
    std::string request(json.empty() ? "GET " : "POST ");
    request += std::string(path) + " HTTP/1.1\r\nhost: 127.0.0.1:" + std::to_string(port) +
               "\r\nconnection: close\r\n";
    if (!json.empty())
        request +=
            "content-type: application/json\r\ncontent-length: " + std::to_string(json.size()) +
            "\r\n";
    request += "\r\n";
    request += json;

    Answer answer;
    const Socket socket(port);
    if (!socket.send(request)) return answer;
    const std::string bytes = socket.receive_all();
    answer.time = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);

    wire::HeadReader reader;
    wire::ResponseHead head;
    if (reader.read_response(bytes, false, head) != wire::ParseResult::done) return answer;
    answer.status = head.status;
    for (const auto& field : head.fields)
        answer.fields.emplace_back(std::string(field.name), std::string(field.value));
    read_body(head, bytes.substr(head.size), answer);
    return answer;
}

}  // namespace understudy::demo
