// The languages that clients and upstreams speak. A request has one by its path, an upstream by its
// configuration; where they differ, somebody has to translate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace understudy::wire {

enum class Dialect : std::uint8_t {
    chat,       // OpenAI's chat completions, and the other endpoints of that API
    responses,  // OpenAI's Responses
    messages,   // Anthropic's Messages
    gemini,     // Google's generateContent
    converse,   // Bedrock's Converse
};

inline constexpr std::size_t kDialects = 5;

/// As the configuration names them; index = value of the enum.
inline constexpr std::array<std::string_view, kDialects> kDialectNames{
    "chat", "responses", "messages", "gemini", "converse"};

constexpr std::string_view name_of(Dialect dialect) {
    return kDialectNames[static_cast<std::size_t>(dialect)];
}

/// Some of them, one bit each.
class DialectSet {
  public:
    constexpr DialectSet() = default;
    constexpr DialectSet(std::initializer_list<Dialect> dialects) {
        for (const auto d : dialects) bits_ = static_cast<std::uint8_t>(bits_ | bit(d));
    }
    constexpr bool contains(Dialect d) const { return (bits_ & bit(d)) != 0; }

  private:
    static constexpr unsigned bit(Dialect d) { return 1U << static_cast<unsigned>(d); }
    std::uint8_t bits_ = 0;
};

}  // namespace understudy::wire
