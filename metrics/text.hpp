// Writing the exposition formats: Prometheus text 0.0.4 and OpenMetrics 1.0. Knows their syntax
// and nothing about what is measured.
//
// Numbers are integers with a decimal point put in, never doubles: what was counted is what is
// printed, down to the nanosecond and the pico-dollar.
#pragma once

#include "metrics/series.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace understudy::metrics {

__extension__ typedef unsigned __int128 Wide;  // sums over workers cannot overflow in it

enum class FamilyType : std::uint8_t { counter, gauge, histogram, info };

/// One metric family. `name` is the sample name of the Prometheus format, with "_total" or "_info".
struct Family {
    std::string_view name;
    FamilyType type;
    std::string_view unit;  // OpenMetrics; the name (without "_total") ends in it
    std::string_view help;
};

struct Label {
    std::string_view name, value;
};

/// Replaces what is not UTF-8 by U+FFFD: one bad byte would make Prometheus drop the whole scrape.
std::string clean_utf8(std::string_view text);
/// `a="1",b="2"`, escaped; values must be UTF-8.
std::string label_block(std::initializer_list<Label> labels);
/// `value` / 10^scale, exact, no exponent: "12.000345", "3".
void append_decimal(std::string& out, Wide value, unsigned scale);
/// `value` / 10^scale as Go and the OpenMetrics canonical form write it: "0.25", "1.0", "5e-05",
/// "1.048576e+06". Both formats say `le` alike, so that switching between them keeps the series.
std::string bound_text(std::uint64_t value, unsigned scale);

/// Writes one family; the HELP and TYPE lines come with its first sample, so that an empty family
/// leaves no trace.
class FamilyWriter {
  public:
    FamilyWriter(std::string& out, const Family& family, Format format)
        : out_(out), family_(family), format_(format) {}
    /// `labels` from label_block(), or "".
    void sample(std::string_view labels, Wide value, unsigned scale = 0);
    /// A raw line part: name + suffix {labels, extra} value.
    void sample(std::string_view suffix, std::string_view labels, std::string_view extra_name,
                std::string_view extra_value, Wide value, unsigned scale);
    Format format() const { return format_; }

  private:
    void header();

    std::string& out_;
    const Family& family_;
    Format format_;
    bool started_ = false;
};

}  // namespace understudy::metrics
