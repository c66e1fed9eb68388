#include "wire/append.hpp"

#include <bit>
#include <charconv>

namespace understudy::wire {
namespace {

constexpr std::uint64_t kEight = 100'000'000, kSixteen = kEight * kEight;
constexpr std::uint64_t kZeros = 0x3030303030303030U;

// The eight digits of a number below 10^8, one to an octet, the first one lowest: halves, pairs and
// digits are each parted at once, by a product in the place of a division.
std::uint64_t eight_digits(std::uint64_t number) noexcept {
    constexpr std::uint64_t ten_thousand = 10'000;
    auto digits = number / ten_thousand | (number % ten_thousand) << 32;
    const auto pairs = (digits * 10486 >> 20) & 0x0000007f0000007fU;  // a hundredth
    digits = pairs | (digits - 100 * pairs) << 16;
    const auto tens = (digits * 103 >> 10) & 0x000f000f000f000fU;  // a tenth
    return tens | (digits - 10 * tens) << 8;
}

char* put_eight(char* out, std::uint64_t number) noexcept {
    const auto digits = eight_digits(number) | kZeros;
    std::memcpy(out, &digits, sizeof digits);
    return out + sizeof digits;
}

// The digits of a number below 10^4 in the same way: nearly all numbers of a head are such.
char* put_four(char* out, std::uint32_t number) noexcept {
    const std::uint32_t hundreds = number * 10486 >> 20;
    const std::uint32_t pairs = hundreds | (number - 100 * hundreds) << 16;
    const std::uint32_t tens = (pairs * 103 >> 10) & 0x000f000fU;
    const std::uint32_t digits = tens | (pairs - 10 * tens) << 8;
    const auto zeros = static_cast<unsigned>(std::countr_zero(digits)) / 8U;
    const std::uint32_t text = (digits | 0x30303030U) >> (zeros * 8U);
    std::memcpy(out, &text, sizeof text);
    return out + sizeof text - zeros;
}

// Below 10^8, without zeros in front.
char* put_few(char* out, std::uint64_t number) noexcept {
    if (number < 10) {
        *out = static_cast<char>('0' + number);
        return out + 1;
    }
    if (number < 10'000) return put_four(out, static_cast<std::uint32_t>(number));
    const auto digits = eight_digits(number);
    const auto zeros = static_cast<unsigned>(std::countr_zero(digits)) / 8U;
    const auto text = (digits | kZeros) >> (zeros * 8U);
    std::memcpy(out, &text, sizeof text);
    return out + sizeof text - zeros;
}

}  // namespace

char* put_number(char* out, std::uint64_t number) noexcept {
    if constexpr (std::endian::native != std::endian::little) {
        return std::to_chars(out, out + kMostDigits, number).ptr;
    }
    if (number < kEight) return put_few(out, number);
    if (number < kSixteen) return put_eight(put_few(out, number / kEight), number % kEight);
    out = put_few(out, number / kSixteen);
    return put_eight(put_eight(out, number / kEight % kEight), number % kEight);
}

}  // namespace understudy::wire
