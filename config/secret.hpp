// A string that must never be printed: API keys, resolved ${...} references in headers.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace understudy::config {

/// Holds a secret. It has no stream operator, no formatter and no implicit conversion, so that a
/// log line or an error message cannot contain it by accident; the memory is wiped when it goes.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret(Secret&&) noexcept = default;
    Secret& operator=(const Secret&) = default;
    Secret& operator=(Secret&&) noexcept = default;
    ~Secret();

    /// The one way to read it; grep for it.
    const std::string& reveal() const { return value_; }
    bool empty() const { return value_.empty(); }
    bool operator==(const Secret&) const = default;

  private:
    std::string value_;
};

}  // namespace understudy::config
