// What one client has been told so far of the answer to one request: how it is framed, whether its
// head has gone out, and how it comes to an end, proper or visibly cut. Belongs to its exchange;
// what it composes is written by the session.
#pragma once

#include "net/socket.hpp"
#include "proxy/client_port.hpp"
#include "wire/chunk.hpp"
#include "wire/framing.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy {

class ClientAnswer {
  public:
    explicit ClientAnswer(ClientPort& port) : port_(port) {}
    ClientAnswer(const ClientAnswer&) = delete;
    ClientAnswer& operator=(const ClientAnswer&) = delete;

    /// Its head is on the way or has gone: from now on only the body can say anything.
    bool begun() const { return begun_; }

    /// A plain answer of known length that is passed on as it comes. `head`: status line and
    /// fields, to which framing and the empty line are added; it goes out with the first write and
    /// stays untouched until then.
    void begin_sized(std::string& head, std::uint64_t length);
    /// A stream, or a body whose length nobody knows.
    void begin_stream(std::string& head);

    /// Puts the next write together: the head if it has not gone yet, `data` as one piece of the
    /// body, and the end of the message if this is the `last` one. Views stay valid until the next
    /// call. `data` must not be `out`.
    void compose(net::GatherList& out, const net::GatherList& data, bool last);
    /// The same with one text.
    void compose(net::GatherList& out, std::string_view data, bool last);

    /// Ends the connection without the end of the message, so that nobody takes it for whole.
    void cut();

  private:
    void begin(std::string& head);

    ClientPort& port_;
    std::string_view head_;  // what of it has not gone out
    std::optional<wire::ChunkHeader> size_;
    bool begun_ = false;
    bool chunked_ = false;
};

}  // namespace understudy::proxy
