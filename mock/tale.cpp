// The sixty words, and which of them an answer still has to tell.
#include "mock/answer.hpp"

#include <algorithm>
#include <array>

namespace understudy::mock {
namespace {

constexpr std::string_view kText =
    "The understudy waits in the wings, knows every line, and hopes never to be needed. When the "
    "lead falls silent in the middle of a sentence, she walks on, picks up the very next word, "
    "and carries the scene to its end. The audience hears one voice, one story, and no pause at "
    "all. Then the lights go down slowly.";

/// Each word with the space in front of it; the first one gets its space where the text repeats.
constexpr auto kWords = [] {
    std::array<std::string_view, kAnswerWords> words{};
    std::size_t count = 0;
    std::size_t begin = 0;
    for (std::size_t i = 1; i <= kText.size(); ++i) {
        if (i != kText.size() && kText[i] != ' ') continue;
        words[count++] = kText.substr(begin, i - begin);
        begin = i;
    }
    return count == kAnswerWords ? words : decltype(words){};
}();
static_assert(kWords.back() == " slowly.", "the answer has exactly sixty words");

/// {"city":"Lisbon","unit":"celsius"} as a model would stream it.
constexpr std::array<std::string_view, 8> kArguments{R"({\")",    R"(city)",      R"(\":\")",
                                                     R"(Lisbon)", R"(\",\")",     R"(unit)",
                                                     R"(\":\")",  R"(celsius\"})"};

constexpr std::string_view kWholeArguments = R"({"city":"Lisbon","unit":"celsius"})";

std::string_view word(std::size_t index) {
    if (index > 0 && index % kAnswerWords == 0) return " The";
    return kWords[index % kAnswerWords];
}

}  // namespace

std::string_view answer_text() {
    return kText;
}

std::string_view tool_arguments() {
    return kWholeArguments;
}

Tale::Tale(const Ask& ask, const Plan& plan)
    : ask_(&ask),
      content_(plan.content),
      whole_call_(ask.endpoint == Endpoint::gemini),
      size_(plan.words) {
    if (content_ == Content::tools) size_ = whole_call_ ? 1 : kArguments.size();
    if (content_ == Content::echo) size_ = 1;
    const bool told = content_ == Content::words || content_ == Content::reasoning;
    if (told && ask.prefill && !plan.starts_over) continue_after(*ask.prefill);
}

/// When the answer begins with `prefill`, only the rest is told; otherwise all of it again.
void Tale::continue_after(std::string_view prefill) {
    std::size_t index = 0;
    while (!prefill.empty() && index < size_) {
        const auto next = word(index);
        const auto common = std::min(prefill.size(), next.size());
        if (prefill.substr(0, common) != next.substr(0, common)) return;
        prefill.remove_prefix(common);
        if (common < next.size()) {
            first_offset_ = common;
            break;
        }
        ++index;
    }
    if (!prefill.empty()) {
        first_offset_ = 0;
        return;
    }
    first_word_ = index;
    size_ -= index;
}

std::string_view Tale::piece(std::size_t index) const {
    if (content_ == Content::tools) return whole_call_ ? kWholeArguments : kArguments[index];
    if (content_ == Content::echo) return ask_->echo;
    const auto next = word(first_word_ + index);
    return index == 0 ? next.substr(first_offset_) : next;
}

std::string Tale::text() const {
    std::string all;
    for (std::size_t i = 0; i < size_; ++i) all += piece(i);
    return all;
}

}  // namespace understudy::mock
