// An amount of money as text, without a string of its own: every answer that has a price tells one
// or two.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace understudy::metrics {

/// As format_usd() writes it.
class UsdText {
  public:
    explicit UsdText(std::int64_t pico_usd);
    std::string_view view() const { return {text_.data(), size_}; }

  private:
    std::array<char, 40> text_;
    std::size_t size_;
};

}  // namespace understudy::metrics
