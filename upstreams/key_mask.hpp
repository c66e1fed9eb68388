// Finds an upstream's own credentials in what that upstream says, and makes them unreadable:
// servers echo requests in error messages, debugging proxies in answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::upstreams {

class KeyMask {
  public:
    /// What is shorter occurs by chance.
    static constexpr std::size_t kShortest = 8;

    /// Looks for `secret` from now on, unless it is too short or a word that servers without keys
    /// are given in place of one.
    void add(std::string_view secret);
    bool empty() const { return secrets_.empty(); }
    /// Bytes of the longest secret; 0: none.
    std::size_t longest() const { return longest_; }
    /// Bytes of the shortest one; more than any text has: none.
    std::size_t shortest() const { return shortest_; }
    /// Overwrites every secret in `size` bytes at `text` with asterisks, as many as it has letters.
    /// Whether there was one.
    bool apply(char* text, std::size_t size) const;
    bool apply(std::string& text) const { return apply(text.data(), text.size()); }

  private:
    struct Secret {
        std::string text;
        // Where those of its bytes are that other texts have least: a place where both stand is
        // worth a comparison.
        std::size_t first = 0;
        std::size_t second = 0;  // behind it
    };
    std::vector<Secret> secrets_;
    std::size_t longest_ = 0;
    std::size_t shortest_ = SIZE_MAX;
};

}  // namespace understudy::upstreams
