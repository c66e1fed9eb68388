#include "wire/byte_search.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>

using namespace understudy::wire::detail;

namespace {

/// The text in memory of exactly its size, so that a sanitizer sees any read beyond it.
class Exact {
  public:
    explicit Exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
        text.copy(bytes_.get(), size_);
    }
    const char* begin() const { return bytes_.get(); }
    const char* end() const { return begin() + size_; }

  private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

/// Every search in `text` from `from` on must find what a plain loop finds.
void check_search(const Exact& text, std::size_t from) {
    const char* const begin = text.begin();
    const char* const p = begin + from;
    const char* stop = p;
    while (stop != text.end() && !StringStop::matches(*stop)) ++stop;
    REQUIRE(find_string_stop(p, text.end(), begin) - begin == stop - begin);
#if UNDERSTUDY_SSE2
    // What a machine without AVX2 does.
    REQUIRE(find_stop_far<StringStop>(p, text.end(), begin) - begin == stop - begin);
#endif
    const char* const near = find_near_string_stop(p, text.end());
    REQUIRE((near == nullptr || near == stop));
    if (text.end() - p >= 16 && stop - p < 16) REQUIRE(near == stop);
    const char* line_end = p;
    while (line_end != text.end() && !LineStop::matches(*line_end)) ++line_end;
    REQUIRE(find_line_end(p, text.end(), begin) - begin == line_end - begin);
}

}  // namespace

TEST_CASE("A stop is found wherever it stands, in texts of every length") {
    for (std::size_t size = 0; size <= 300; ++size) {
        const std::string plain(size, 'a');
        check_search(Exact(plain), 0);
        for (std::size_t at = 0; at < size; at += size < 80 ? 1 : 7) {
            for (const char stop : {'"', '\\', '\n', '\r', '\x1f'}) {
                std::string text = plain;
                text[at] = stop;
                const Exact exact(text);
                for (const std::size_t from : {std::size_t{0}, at / 2, at, at + 1}) {
                    check_search(exact, from);
                }
            }
        }
    }
}

TEST_CASE("Only quotes, backslashes and control characters stop a string") {
    for (int c = 0; c < 256; ++c) {
        std::string text(200, 'a');
        text[150] = static_cast<char>(c);
        const Exact exact(text);
        const bool stops = c < 0x20 || c == '"' || c == '\\';
        for (const std::size_t from : {0, 16, 100, 140, 150}) {
            const char* const stop =
                find_string_stop(exact.begin() + from, exact.end(), exact.begin());
            CHECK(stop - exact.begin() == (stops ? 150 : 200));
        }
    }
}
