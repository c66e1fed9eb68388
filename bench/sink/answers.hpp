// Every byte the sink ever sends, built once at start. One streamed event is exactly 100 bytes
// (107 on the wire with its chunk framing) and carries the time it was sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::bench {

inline constexpr std::size_t kPlainBodyBytes = 1024;
inline constexpr std::size_t kEventBytes = 100;

class Answers {
  public:
    Answers();

    std::string_view plain() const { return plain_; }
    std::string_view failure() const { return failure_; }
    std::string_view models() const { return models_; }
    std::string_view refusal() const { return refusal_; }
    /// Head and role chunk: what a provider sends before the first token.
    std::string_view stream_start() const { return stream_start_; }
    /// One framed content event stamped with `ns`; valid until the next call.
    std::string_view event(std::uint64_t ns);
    /// Finish reason, usage where asked for, [DONE] and the last chunk.
    std::string_view stream_end(bool usage) const { return usage ? end_with_usage_ : end_; }

  private:
    std::string plain_, failure_, models_, refusal_, stream_start_, event_, end_, end_with_usage_;
    std::size_t stamp_at_ = 0;
};

}  // namespace understudy::bench
