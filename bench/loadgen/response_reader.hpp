// Takes an HTTP/1.1 answer apart as it arrives, split anywhere: status, then spans of body with the
// chunk framing removed. Knows only what the servers under test send; anything else is an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::bench {

class ResponseReader {
  public:
    enum class State : std::uint8_t {
        head,
        length_body,
        chunk_size,
        chunk_data,
        trailer,
        done,
        bad
    };

    void reset();

    /// Consumes from `bytes`; returns the next span of body, or an empty one when `bytes` ran out
    /// or the answer is over (see state()).
    std::string_view next(std::string_view& bytes);

    State state() const { return state_; }
    int status() const { return status_; }
    bool closes() const { return closes_; }

  private:
    bool take_line(std::string_view& bytes);
    void read_head(std::string_view& bytes);
    void read_head_line();
    void after_head();
    void read_chunk_size(std::string_view& bytes);
    void read_trailer(std::string_view& bytes);
    std::string_view take_body(std::string_view& bytes);

    State state_ = State::head;
    int status_ = 0;
    bool chunked_ = false;
    bool closes_ = false;
    bool has_length_ = false;
    std::uint64_t left_ = 0;  // of the body or of the current chunk with its CRLF
    std::string line_;        // a line split over reads
};

}  // namespace understudy::bench
