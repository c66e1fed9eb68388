// What an answer needs of the connection that it goes out on: how it may be framed there, and that
// it can be ended without its end.
#pragma once

#include <string_view>

namespace understudy::proxy {

class ClientPort {
  public:
    /// The answer goes to a client that understands the chunked coding.
    virtual bool chunked_allowed() const = 0;
    /// The Connection field of an answer, as a header line; empty where the version's default fits.
    virtual std::string_view connection_field() = 0;
    /// The end of the connection is the end of the answer.
    virtual void close_after_answer() = 0;
    /// What has been sent is not a whole answer: the connection ends without the end of the
    /// message. `reset`: by a reset, for a plain close would read as an end.
    virtual void cut(bool reset) = 0;

  protected:
    ~ClientPort() = default;
};

}  // namespace understudy::proxy
