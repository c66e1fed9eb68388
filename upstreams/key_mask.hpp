// Finds an upstream's own credentials in what that upstream says, and makes them unreadable:
// servers echo requests in error messages, debugging proxies in answers. They may write it as JSON,
// URLs or HTML have it; letters and digits are what they are in all of these, so the search is for
// a run of them, and only where one stands is looked at what is around it.
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
    /// The secrets in the value of a field like Authorization: its last word, and of Basic's the
    /// password in that as well.
    void add_credentials(std::string_view field);
    bool empty() const { return secrets_.empty(); }
    /// Bytes of the longest secret in its longest form; 0: none.
    std::size_t longest() const { return longest_; }
    /// Bytes of the shortest one; more than any text has: none.
    std::size_t shortest() const { return shortest_; }
    /// Overwrites every secret in `size` bytes at `text` with asterisks, as many as it has bytes.
    /// Whether there was one.
    bool apply(char* text, std::size_t size) const {
        return size >= shortest_ && search(text, size);
    }
    bool apply(std::string& text) const { return apply(text.data(), text.size()); }

  private:
    bool search(char* text, std::size_t size) const;

    struct Secret {
        std::string text;
        // Letters and digits alone, which are looked for as they are.
        std::size_t run_begin = 0;
        std::size_t run_end = 0;
        // Where those bytes of the run are that other texts have least: a place where both stand is
        // worth a comparison.
        std::size_t first = 0;
        std::size_t second = 0;  // not before it
    };
    static std::string_view around(const Secret& secret, std::string_view text, std::size_t run);
    std::vector<Secret> secrets_;
    std::size_t longest_ = 0;
    std::size_t shortest_ = SIZE_MAX;
};

}  // namespace understudy::upstreams
