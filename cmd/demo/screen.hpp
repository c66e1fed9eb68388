// The demo's one screen: 60 columns, or 80 where there are so many; colours on a terminal only.
#pragma once

#include "cmd/demo/layout.hpp"
#include "cmd/demo/tour.hpp"

#include <cstdint>
#include <string>

namespace understudy::demo {

/// Where to look and what to try.
struct Places {
    std::string daemon, primary, backup;  // base URLs without /v1
};

class Screen {
  public:
    /// `colours`: whether standard output takes them (see colours_wanted). As wide as $COLUMNS and
    /// the terminal allow.
    explicit Screen(bool colours);

    void title() const;
    /// The line of one request; the parts it does not know are passed.
    void row(const Step& step, const Result& result, const Answer& answer,
             const Reading& used) const;
    void summary(const Reading& all, std::size_t rows, std::size_t wrong) const;
    void next_steps(const Places& places) const;

  private:
    std::string paint(const char* colour, const std::string& text) const;
    bool colours_;
    Layout layout_;
};

/// Standard output is a terminal, NO_COLOR is not set, and TERM is not dumb.
bool colours_wanted();

}  // namespace understudy::demo
