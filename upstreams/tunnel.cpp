#include "upstreams/tunnel.hpp"

#include "wire/append.hpp"
#include "wire/connect_answer.hpp"

namespace understudy::upstreams {

namespace {

constexpr std::size_t kAnswerSpace = 4096;  // read at a time

std::string refusal_text(const wire::ConnectAnswer& answer) {
    std::string text = "answered " + std::to_string(answer.status);
    if (!answer.reason.empty()) text += ' ' + answer.reason;
    text += " to CONNECT";
    if (answer.status == 407) {
        text += " (it wants a user name and password: http://user:pass@host:port)";
    }
    return text;
}

// What is wrong with what has come so far; "" nothing. `opened`: and the tunnel is there.
std::string judge(net::Stream& stream, bool& opened) {
    using State = wire::ConnectAnswer::State;
    const auto answer = wire::read_connect_answer(stream.in.view());
    switch (answer.state) {
        case State::need_more:
            return {};
        case State::garbage:
            return "answered CONNECT with something that is not HTTP/1";
        case State::refused:
            return refusal_text(answer);
        case State::opened:
            break;
    }
    // Neither a TLS server nor an HTTP server speaks first. What is here already would pass for the
    // beginning of an answer.
    if (stream.in.size() > answer.size) return "sent bytes behind its answer to CONNECT";
    stream.in.clear();
    opened = true;
    return {};
}

// Error text, empty when all was sent.
net::Task<std::string> send_request(Peer& peer, net::Watch& watch, net::Stream& stream) {
    const auto text = connect_request(*peer.proxy(), peer.host(), peer.port());
    net::GatherList list;
    list.add(text);
    for (;;) {
        const auto state = stream.send(list);
        if (state == net::Stream::SendState::done) co_return std::string();
        if (state == net::Stream::SendState::failed) co_return net::describe(stream.write_error());
        stream.arm_write();
        while (!stream.writable() && !watch.stopped()) co_await watch.signal().wait();
        if (watch.stopped()) co_return "takes no CONNECT";
    }
}

}  // namespace

std::string connect_request(const config::Proxy& proxy, const std::string& host,
                            std::uint16_t port) {
    const bool v6 = host.find(':') != std::string::npos;
    const std::string target = (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
    std::string out = "CONNECT " + target + " HTTP/1.1\r\n";
    wire::append_field(out, "host", target);
    if (proxy.authorization) {
        wire::append_field(out, "proxy-authorization", proxy.authorization->reveal());
    }
    return out + "\r\n";
}

std::string via_text(const Peer& peer) {
    return peer.proxy() ? "proxy " + peer.proxy()->text() + ": " : std::string();
}

net::Task<Tunnel> open_tunnel(Peer& peer, net::Watch& watch, net::Stream& stream) {
    Tunnel tunnel;
    tunnel.error = co_await send_request(peer, watch, stream);
    bool opened = false;
    while (tunnel.error.empty() && !opened) {
        if (!stream.in.ensure_free(kAnswerSpace)) {
            tunnel.shortage = true;
            tunnel.error = "no memory for its answer (limits.memory)";
            break;
        }
        const auto received = stream.received();
        stream.arm_read();
        while (stream.received() == received && !stream.read_error() && !watch.stopped()) {
            co_await watch.signal().wait();
        }
        if (stream.received() != received) {
            tunnel.error = judge(stream, opened);
        } else if (stream.read_error()) {
            tunnel.error = "closed before it answered CONNECT";
            if (stream.read_error() != boost::asio::error::eof)
                tunnel.error = net::describe(stream.read_error());
        } else {
            tunnel.error = "no answer to CONNECT";
        }
    }
    co_return tunnel;
}

}  // namespace understudy::upstreams
