// HTTP/1 requests, read without copying. Deliberately not wire/head.hpp: this server testifies
// about what the proxy sent, so it must not share the proxy's reading of it.
#pragma once

#include "mock/buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::mock {

/// Slices point into the buffer it was read from (the body of a chunked request: into `storage`).
struct HttpRequest {
    std::string_view method, target, path, query;
    std::vector<std::pair<std::string_view, std::string_view>> fields;
    int minor_version = 1;
    bool keep_alive = true;
    bool expect_continue = false;
    std::string_view body;
    std::string storage;
    std::size_t size = 0;  // bytes of the buffer that belong to this request

    std::string_view field(std::string_view name) const;
};

/// Reads one request after the other from the front of a buffer that grows.
class HttpReader {
  public:
    enum class Status : std::uint8_t { need_more, done, bad };

    /// Call with all unconsumed bytes; the same bytes again, and more, after need_more.
    Status read(std::string_view bytes, HttpRequest& request);
    /// Forget the request that was read.
    void reset();

    /// Why it is bad. Static text.
    const char* problem() const { return problem_; }
    /// The head is there and the body is not: how many bytes are missing, as far as is known.
    std::size_t missing() const { return missing_; }
    bool head_done() const { return head_size_ != 0; }

  private:
    Status read_head(std::string_view bytes, HttpRequest& request);
    bool read_request_line(std::string_view line, HttpRequest& request);
    bool read_field(std::string_view line, HttpRequest& request);
    Status read_chunks(std::string_view bytes, HttpRequest& request);
    Status fail(const char* problem);

    std::size_t scanned_ = 0;
    std::size_t head_size_ = 0;
    std::size_t chunk_at_ = 0;  // where the next chunk's size line begins
    std::size_t length_ = 0;
    std::size_t missing_ = 0;
    bool has_length_ = false;
    bool chunked_ = false;
    const char* problem_ = nullptr;
};

/// "HTTP/1.1 200 OK\r\n" and the fields, ready to send.
class HeadWriter {
  public:
    explicit HeadWriter(unsigned status);
    HeadWriter& field(std::string_view name, std::string_view value);
    std::string finish();

  private:
    std::string text_;
};

}  // namespace understudy::mock
