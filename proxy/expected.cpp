#include "proxy/expected.hpp"

#include "wire/prompt_parts.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace understudy::proxy {

namespace {

constexpr std::uint64_t kImages = 2000;  // tokens: two or three pictures of a usual size

// Of what is no text, in tokens: an image in full resolution; base64 of a document a token, where
// pages are read as text and as pictures; base64 of sound in the smallest codec; a file of some ten
// pages. And what comes to every prompt: templates, and tools that the provider has.
constexpr std::uint64_t kImage = 2000;
constexpr std::uint64_t kDocumentPerToken = 4;
constexpr std::uint64_t kAudioPerToken = 32;
constexpr std::uint64_t kReferenced = 16'000;
constexpr std::uint64_t kAdded = 2000;

// No request uses more, and sums of these stay sums.
constexpr std::uint64_t kMostTokens = 100'000'000;

std::optional<std::uint64_t> whole(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return n;
}

using metrics::names_rate;
using metrics::Rates;

/// Of the ways in which a request may be billed the dearest.
class Dearest {
  public:
    Dearest(const metrics::ModelPrice& price, const Expected& expected, std::string_view tier,
            const metrics::Pieces& pieces)
        : price_(price), expected_(expected), tier_(tier), pieces_(pieces) {}

    /// Where a model has no such rate of its own it is what the usual one makes it.
    void consider_all() {
        metrics::TokenCounts way;
        way.input = expected_.prompt;
        way.output = expected_.output;
        consider_answers(way);
        if (expected_.audio > 0 && names_rate(price_, &Rates::audio_input)) {
            way.audio_input = expected_.audio;
            consider_answers(way);
            way.audio_input = 0;
        }
        if (expected_.images > 0 && names_rate(price_, &Rates::image_input)) {
            way.image_input = expected_.images;
            consider_answers(way);
            way.image_input = 0;
        }
        if (names_rate(price_, &Rates::cache_write) ||
            (expected_.for_an_hour && names_rate(price_, &Rates::cache_write_1h))) {
            way.cache_write = std::exchange(way.input, 0);
            if (expected_.for_an_hour) way.cache_write_1h = way.cache_write;
            consider_answers(way);
        }
        if (price_.per_image && pieces_.images > 0) consider({});  // by the piece alone
    }
    std::optional<std::int64_t> pico() const { return pico_; }

  private:
    void consider_answers(metrics::TokenCounts& way) {
        consider(way);
        if (pictures_) consider_as(way, way.image_output);
        if (sound_) consider_as(way, way.audio_output);
        if (thoughts_) {
            std::swap(way.output, way.reasoning);
            consider(way);
            std::swap(way.output, way.reasoning);
        }
    }
    void consider_as(const metrics::TokenCounts& way, std::uint64_t& part) {
        part = way.output;
        consider(way);
        part = 0;
    }
    void consider(const metrics::TokenCounts& way) {
        const auto pico = metrics::cost_pico_usd(price_, way, tier_, pieces_);
        if (pico && (!pico_ || *pico > *pico_)) pico_ = pico;
    }

    const metrics::ModelPrice& price_;
    const Expected& expected_;
    const std::string_view tier_;
    const metrics::Pieces& pieces_;
    const bool pictures_ = names_rate(price_, &Rates::image_output);
    const bool sound_ = names_rate(price_, &Rates::audio_output);
    const bool thoughts_ = names_rate(price_, &Rates::reasoning);
    std::optional<std::int64_t> pico_;
};

bool answers_in_tokens(wire::AnswerShape shape) {
    using enum wire::Operation;
    const auto operation = wire::traits_of(shape).operation;
    return shape == wire::AnswerShape::compaction || operation == chat ||
           operation == text_completion || operation == generate_content;
}

}  // namespace

PromptSize prompt_size(std::string_view body, const wire::RequestFacts& facts) {
    const auto size = wire::read_prompt(body, facts);
    const auto tokens = wire::text_tokens(size);
    PromptSize prompt;
    const auto text = tokens + tokens / 3;  // it counts four bytes
    prompt.expected = std::min(text + (size.images > 0 ? kImages : 0), kMostTokens);
    // A form: pictures to be changed, sound to be written down.
    const auto form = facts.json ? 0 : body.size() / kAudioPerToken;
    const auto all = text + form + size.images * kImage + size.data / kDocumentPerToken +
                     size.audio / kAudioPerToken + size.referenced * kReferenced;
    prompt.all_here = size.referenced == 0;
    prompt.most = std::min(std::max(all, kAdded), kMostTokens);
    const auto elsewhere = size.referenced * kReferenced;
    prompt.audio = std::min(form + size.audio / kAudioPerToken + elsewhere, prompt.most);
    prompt.images = std::min(form + size.images * kImage, prompt.most);
    prompt.for_an_hour = size.for_an_hour;
    return prompt;
}

std::uint64_t prompt_bound(std::uint64_t most, std::uint32_t excess_percent, std::uint64_t window) {
    constexpr std::uint64_t percent = 100;
    auto bound =
        std::min(most * std::max<std::uint64_t>(excess_percent, percent) / percent, kMostTokens);
    if (window != 0) bound = std::min(bound, window);
    return bound;
}

std::uint64_t expected_output(wire::AnswerShape shape, const wire::AnswerLimit& asked,
                              const wire::BodyRewrite& rewrite, std::uint64_t model_most) {
    if (!answers_in_tokens(shape)) return 0;
    const auto usual = shape == wire::AnswerShape::images ? kPicture : kUsualAnswer;
    const auto unlimited = model_most != 0 ? model_most : usual;
    auto one = asked.tokens.value_or(unlimited);
    for (const auto& name : rewrite.drop) {
        if (wire::limits_answer(name)) one = unlimited;
    }
    for (const auto& [name, value] : rewrite.set) {
        if (wire::limits_answer(name)) one = whole(value).value_or(one);
    }
    return std::min(std::min(one, kMostTokens) * asked.answers, kMostTokens);
}

std::optional<std::int64_t> expected_cost(const metrics::ModelPrice* price,
                                          const Expected& expected, std::string_view tier,
                                          const metrics::Pieces& pieces) {
    constexpr std::int64_t kPicoPerNano = 1000;
    if (price == nullptr) return std::nullopt;
    Dearest dearest(*price, expected, tier, pieces);
    dearest.consider_all();
    const auto pico = dearest.pico();
    if (!pico) return std::nullopt;
    return *pico / kPicoPerNano + (*pico % kPicoPerNano != 0 ? 1 : 0);
}

}  // namespace understudy::proxy
