// What one step of decoding a content coding came to; the same for every coding.
#pragma once

#include <cstdint>

namespace understudy::wire {

enum class DecodeStep : std::uint8_t {
    need_input,   // all of the input was used
    need_output,  // there may be more: of what the input holds, or of the input
    need_memory,  // memory() has grown: nothing was decoded until the caller agrees, by calling
                  // again
    finished,     // the end of the coding; what follows in the input is not looked at
    broken,       // not this coding, or corrupt
};

}  // namespace understudy::wire
