// A YAML document as a tree that remembers where each value stands, so that every problem found
// later can name line and column. This is the only place that sees yaml-cpp.
//
// Bounded against hostile text: size, nesting, and what aliases expand to. Aliases are copies,
// merge keys (`<<`) are applied, duplicate keys and unknown tags are problems.
#pragma once

#include "config/load.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::config {

/// 1-based; 0 = unknown.
struct Mark {
    int line = 0;
    int column = 0;
};

struct Member;

struct Element {
    enum class Kind : unsigned char { null, scalar, list, map };

    Kind kind = Kind::null;
    bool plain = true;        // scalar without quotes: `true` and `5` may mean more than text
    bool referenced = false;  // `text` came from ${...}: show `written`, never `text`
    bool broken = false;      // a reference could not be resolved: already reported
    Mark mark;
    std::string text;             // scalar: its value, references resolved
    std::string written;          // scalar with references: as the file has it
    std::vector<Element> items;   // list
    std::vector<Member> members;  // map, in the order of the file
    std::size_t weight = 0;       // rough bytes of the whole subtree, to bound alias expansion

    const Element* find(std::string_view key) const;
};

struct Member {
    std::string key;
    Mark mark;  // of the key
    Element value;
};

inline constexpr std::size_t kMaxDocumentBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxDepth = 64;
inline constexpr std::size_t kMaxEntries = 4096;  // of one map or list
inline constexpr std::size_t kMaxExpandedBytes = std::size_t{16} << 20U;

/// Parses one document. `problems` gets everything that is wrong. False: there is no tree to go on
/// with.
bool parse_document(std::string_view text, const std::string& file, Element& root,
                    std::vector<Problem>& problems);

/// Where `path` ("routes[1].hedge") stands; its nearest existing ancestor if it is not there.
Mark locate(const Element& root, std::string_view path);

/// Overwrites every scalar: resolved references may be credentials.
void wipe(Element& node);

}  // namespace understudy::config
