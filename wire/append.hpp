// Text of heads that is being built: numbers and header lines, without strings of their own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace understudy::wire {

inline constexpr std::size_t kMostDigits = 20;

/// Writes `number` in decimal, and returns where it ends. There is room for kMostDigits, of which
/// what lies behind the end may have been written to.
char* put_number(char* out, std::uint64_t number) noexcept;

/// Appends `number` in decimal.
inline void append_number(std::string& out, std::uint64_t number) {
    std::array<char, kMostDigits> digits;
    const auto* const end = put_number(digits.data(), number);
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

/// Appends one header line, "name: value" and CRLF. Both must be fit for a header.
inline void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}
inline void append_field(std::string& out, std::string_view name, std::uint64_t value) {
    out.append(name).append(": ");
    append_number(out, value);
    out.append("\r\n");
}

/// Gathers many short pieces and appends them to a text at once: an append of its own for each
/// name, colon and value costs more than the bytes. The text has them all when flush() or the
/// destructor has run, and nobody else may append to it before.
class HeadWriter {
  public:
    explicit HeadWriter(std::string& out) noexcept : out_(out) {}
    HeadWriter(const HeadWriter&) = delete;
    HeadWriter& operator=(const HeadWriter&) = delete;
    ~HeadWriter() { flush(); }

    HeadWriter& add(std::string_view piece) {
        if (piece.size() > text_.size() - size_) [[unlikely]]
            return add_behind(piece);
        if (piece.empty()) return *this;  // it may be nowhere
        std::memcpy(text_.data() + size_, piece.data(), piece.size());
        size_ += piece.size();
        return *this;
    }
    HeadWriter& add_number(std::uint64_t number) {
        if (text_.size() - size_ < kMostDigits) flush();
        const auto* const end = put_number(text_.data() + size_, number);
        size_ = static_cast<std::size_t>(end - text_.data());
        return *this;
    }
    /// One header line, as append_field().
    HeadWriter& add_field(std::string_view name, std::string_view value) {
        return add(name).add(": ").add(value).add("\r\n");
    }
    HeadWriter& add_field(std::string_view name, std::uint64_t value) {
        return add(name).add(": ").add_number(value).add("\r\n");
    }
    /// Everything so far is in the text, which others may append to now.
    void flush() {
        out_.append(text_.data(), size_);
        size_ = 0;
    }

  private:
    [[gnu::noinline]] HeadWriter& add_behind(std::string_view piece) {
        flush();
        out_.append(piece);
        return *this;
    }

    std::string& out_;
    std::size_t size_ = 0;
    std::array<char, 512> text_;  // of a head: names, colons and the usual values
};

}  // namespace understudy::wire
