// How much text a piece of JSON holds: what people, tools and models wrote. Images, audio and other
// data are none, wherever they stand and however they are written; they are counted by themselves.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace understudy::wire {

struct TextSize {
    std::uint64_t bytes = 0;    // of text, as UTF-8 has it, roughly
    std::uint64_t numbers = 0;  // in lists: token numbers in place of text
    std::uint64_t images = 0;   // in whatever way their APIs write them
    std::uint64_t data = 0;     // characters of base64 that are neither image nor audio: documents
    std::uint64_t audio = 0;    // characters of base64 that are audio or video
    std::uint64_t referenced = 0;  // files and documents that are named, and are somewhere else
    bool for_an_hour = false;      // a part of it is to be kept in a cache for so long
    TextSize& operator+=(const TextSize& other);
    bool operator==(const TextSize&) const = default;
};

/// Of one JSON value that is known to be well-formed.
TextSize measure_text(std::string_view value);

/// Bytes of text between the quotes of a string: without what is base64 in it, and with escapes for
/// what they stand for: some libraries write all that is not ASCII as \uXXXX.
std::uint64_t text_bytes(std::string_view content);

/// Bytes of UTF-8 that it stands for, whatever they are. One search for a backslash where there is
/// none.
std::uint64_t decoded_bytes(std::string_view content);

}  // namespace understudy::wire
