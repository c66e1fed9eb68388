// A few names that are known when this is compiled, looked for in every body. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace understudy::wire {

/// A bit for a name, by its length and its ends; none for the empty one.
constexpr std::uint64_t name_bit(std::string_view name) noexcept {
    if (name.empty()) return 0;
    const auto first = static_cast<unsigned char>(name.front());
    const auto last = static_cast<unsigned char>(name.back());
    return std::uint64_t{1} << ((name.size() * 7 + first * 3U + last) % 64);
}

/// Their bits settle nearly all names that are none of them before any is compared.
template <std::size_t N>
class NameSet {
  public:
    template <class... Names>
    constexpr explicit NameSet(Names... names) : names_{std::string_view(names)...} {
        for (const auto& name : names_) bits_ |= name_bit(name);
    }

    constexpr bool contains(std::string_view name) const noexcept {
        if ((bits_ & name_bit(name)) == 0) return false;
        for (const auto& one : names_) {
            if (one == name) return true;
        }
        return false;
    }

  private:
    std::array<std::string_view, N> names_;
    std::uint64_t bits_ = 0;
};
template <class... Names>
NameSet(Names...) -> NameSet<sizeof...(Names)>;

}  // namespace understudy::wire
