// Whether a JSON object that is passed on as it comes has come to its end. Counts brackets outside
// strings and judges nothing else. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace understudy::wire {

class JsonEnd {
  public:
    /// The next piece of the text, from its beginning on; how it is cut makes no difference.
    void feed(std::string_view piece) noexcept;
    /// An object or array has been opened, and all that were are closed.
    bool reached() const noexcept { return begun_ && depth_ == 0 && !in_string_; }

  private:
    std::size_t depth_ = 0;
    bool begun_ = false;
    bool in_string_ = false;
    bool escaped_ = false;  // the last byte was a backslash that stands for itself
};

}  // namespace understudy::wire
