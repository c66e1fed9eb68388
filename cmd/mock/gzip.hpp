// Gzip, whole or piece by piece (each piece can be read as soon as it arrives).
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::mock {

class Gzip {
  public:
    Gzip() { deflateInit2(&stream_, 6, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY); }
    ~Gzip() { deflateEnd(&stream_); }
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;

    std::string piece(std::string_view bytes) { return run(bytes, Z_SYNC_FLUSH); }
    std::string finish(std::string_view bytes) { return run(bytes, Z_FINISH); }

  private:
    static constexpr int kGzipWindow = 15 + 16;

    std::string run(std::string_view bytes, int flush) {
        // deflateBound covers the data, not the markers of a flush.
        std::vector<char> out(deflateBound(&stream_, bytes.size()) + 64);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        deflate(&stream_, flush);
        const std::size_t unused = std::min<std::size_t>(out.size(), stream_.avail_out);
        return {out.begin(), out.end() - static_cast<std::ptrdiff_t>(unused)};
    }

    z_stream stream_{};
};

}  // namespace understudy::mock
