// How APIs say that they refuse a seal.
#include "dialects/unsealed.hpp"
#include "wire/answer.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace understudy::dialects {

namespace {

// As the APIs word it: Anthropic ("Invalid `signature` in `thinking` block", "Invalid `data` in
// `redacted_thinking` block", "`thinking` or `redacted_thinking` blocks in the latest assistant
// message cannot be modified", "... must start with a thinking block"), OpenAI
// ("invalid_encrypted_content", "The encrypted content ... could not be verified", "Item with id
// 'rs_...' not found", "... was provided without its required 'reasoning' item"), Google ("Thought
// signature is not valid", "missing a thought_signature"), Bedrock in its own words ("User messages
// cannot contain reasoning content", "... the reasoningContent... field") and in those of its
// models. All words of one row have to be there.
constexpr std::array<std::array<std::string_view, 2>, 13> kRefusals{{
    {"signature", "thinking"},
    {"data", "redacted_thinking"},
    {"thinking", "cannot be modified"},
    {"start with a thinking", "block"},
    {"thinking", "bound to a different"},
    {"invalid_encrypted_content", ""},
    {"encrypted content", "could not be"},
    {"item with id 'rs_", "not found"},
    {"without its required 'reasoning' item", ""},
    {"thought_signature", ""},
    {"thought signature", ""},
    {"reasoning content", ""},
    {"reasoningcontent", ""},
}};

}  // namespace

bool refuses_seals(unsigned status, std::string_view error_body) {
    if (status != 400 && status != 422) return false;
    const auto facts = wire::parse_error_body(error_body);
    std::string said = facts.message + ' ' + facts.code;
    std::transform(said.begin(), said.end(), said.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return std::any_of(kRefusals.begin(), kRefusals.end(), [&](const auto& words) {
        return std::all_of(words.begin(), words.end(),
                           [&](auto word) { return said.find(word) != std::string::npos; });
    });
}

}  // namespace understudy::dialects
