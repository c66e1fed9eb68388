// Gzip, whole or piece by piece (each piece can be read as soon as it arrives).
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

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
        std::string out;
        char piece[4096];
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(piece);
            stream_.avail_out = sizeof piece;
            deflate(&stream_, flush);
            out.append(piece, sizeof piece - stream_.avail_out);
        } while (stream_.avail_out == 0);
        return out;
    }

    z_stream stream_{};
};

}  // namespace understudy::mock
