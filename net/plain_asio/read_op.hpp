// A stream's read through Asio's public interface: wait until the socket can be read, then read. It
// costs a few system calls more per request than the one in net/asio (docs/performance.md),
// and depends on no version of Asio.
#pragma once

#include "net/read_block.hpp"
#include "net/socket.hpp"

#include <cstddef>
#include <utility>

namespace understudy::net {

class Stream;

class ReadOp {
  public:
    explicit ReadOp(Stream& stream) : stream_(stream) {}
    ReadOp(const ReadOp&) = delete;
    ReadOp& operator=(const ReadOp&) = delete;

    /// Starts reading into [data, data + size), or, where that is nothing, into a block of the
    /// thread's once there is something to read. The stream must not be reading already; it is kept
    /// alive until its on_read has been called.
    void start(Socket& socket, char* data, std::size_t size);
    /// Moves a read that is under way to another place: nothing is read before it is told of.
    bool retarget(char* data, std::size_t size) {
        data_ = data;
        size_ = size;
        return true;
    }
    /// What the last read has brought, when it had no place of its own.
    ReadBlock take_block() { return std::move(block_); }
    /// All are served as they come.
    void set_flowing(bool) {}
    /// Where the bytes of the last read are; null: in take_block().
    const char* target() const { return data_; }

  private:
    struct Handler;
    void wait(Socket& socket);
    void read(Socket& socket);

    Stream& stream_;
    char* data_ = nullptr;
    std::size_t size_ = 0;
    ReadBlock block_;
};

}  // namespace understudy::net
