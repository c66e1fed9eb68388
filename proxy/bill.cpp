#include "proxy/bill.hpp"

#include "metrics/series.hpp"
#include "wire/answer_traits.hpp"
#include "wire/request_content.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy {

namespace {

// One bound for the reader of usage and for the series.
static_assert(wire::kMaxTokenCount == metrics::kMaxTokensPerAnswer);

constexpr std::uint64_t kBytesPerToken = 4;  // the usual rule of thumb for English text

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : 0;
}

metrics::TokenCounts disjoint(const wire::Usage& usage) {
    metrics::TokenCounts counts;
    counts.cache_read = usage.cache_read;
    counts.cache_write = usage.cache_write;
    counts.input = minus(minus(usage.prompt, usage.cache_read), usage.cache_write);
    counts.reasoning = usage.reasoning;
    counts.output = minus(usage.completion, usage.reasoning);
    counts.cache_write_1h = usage.cache_write_1h;
    counts.audio_input = usage.audio_input;
    counts.image_input = usage.image_input;
    counts.audio_cache_read = usage.audio_cache_read;
    counts.audio_output = usage.audio_output;
    counts.image_output = usage.image_output;
    return counts;
}

PricedBy origin_of(const metrics::ModelPrice& price) {
    using metrics::PriceOrigin;
    if (price.origin == PriceOrigin::configuration) return PricedBy::configuration;
    return price.origin == PriceOrigin::file ? PricedBy::file : PricedBy::table;
}

// Once, and here: so that the headers, the counters and the ledger's integers are the same sums.
// No cost is beyond what an answer may name as its own, so that no sum of them overflows.
std::int64_t to_whole_nano(std::int64_t pico) {
    constexpr std::int64_t kPicoPerNano = 1000;
    constexpr auto kMost = static_cast<std::int64_t>(wire::kMaxCostPicoUsd);
    return (std::clamp<std::int64_t>(pico, 0, kMost) + kPicoPerNano / 2) / kPicoPerNano *
           kPicoPerNano;
}

// What the upstream's figures are short of.
metrics::TokenCounts guess(const wire::Usage& said, const Estimate& estimate) {
    metrics::TokenCounts counts;
    counts.input = said.prompt == 0 ? std::min(estimate.prompt, wire::kMaxTokenCount) : 0;
    counts.output = minus(std::min(estimate.completion, wire::kMaxTokenCount), said.completion);
    return counts;
}

void put_cost(const upstreams::Metered& metered, const metrics::ModelPrice* price,
              const metrics::Pieces& pieces, Bill& bill) {
    const auto cost_of = [&](const metrics::TokenCounts& tokens) {
        return price == nullptr
                   ? std::nullopt
                   : metrics::cost_pico_usd(*price, tokens, metered.service_tier, pieces);
    };
    // By the rates of the whole, which may be others than those of its parts.
    const auto whole = cost_of(bill.tokens);
    auto said = bill.reported && bill.estimated ? cost_of(bill.said()) : whole;
    if (whole && !bill.reported) said = 0;
    if (whole && said) bill.guessed_cost_pico_usd = to_whole_nano(*whole - *said);
    if (metered.usage && metered.usage->reported_cost_pico_usd) {
        said = static_cast<std::int64_t>(*metered.usage->reported_cost_pico_usd);
        bill.priced_by = PricedBy::upstream;
    } else if (said) {
        bill.priced_by = origin_of(*price);
    }
    if (said) bill.cost_pico_usd = to_whole_nano(*said) + bill.guessed_cost_pico_usd;
}

}  // namespace

std::string_view name_of(PricedBy by) {
    static constexpr std::array<std::string_view, 5> kNames{"none", "upstream", "configuration",
                                                            "table", "file"};
    return kNames[static_cast<std::size_t>(by)];
}

std::string_view price_version(PricedBy by, const metrics::PriceTable& prices) {
    if (by == PricedBy::nobody) return {};
    if (by == PricedBy::table) return prices.version(metrics::PriceOrigin::builtin);
    if (by == PricedBy::file) return prices.version(metrics::PriceOrigin::file);
    return name_of(by);
}

metrics::TokenCounts Bill::said() const {
    auto counts = tokens;
    counts.input -= guessed.input;
    counts.output -= guessed.output;
    return counts;
}

bool needs_estimate(const upstreams::Metered& metered, Ending ending) {
    if (ending == Ending::none) return false;
    if (!metered.usage) return ending != Ending::finished;
    if (metered.content_since_usage) return true;
    if (ending == Ending::finished) return false;
    // Told with the end of the answer or behind it that is all of it; also where the end is an
    // error that the upstream itself told.
    const bool said_output = (metered.usage->said & wire::Usage::said_completion) != 0;
    return !metered.finish && !(metered.error && said_output);
}

std::uint64_t estimated_prompt(std::string_view body, const wire::RequestFacts* facts) {
    return facts == nullptr ? 0 : wire::read_content(body, *facts).prompt_tokens;
}

std::uint64_t estimated_completion(wire::AnswerShape shape, const upstreams::Metered& metered) {
    // Servers send about one token per event, of four bytes or so. Some send whole phrases.
    constexpr std::uint64_t kOneToken = 8;
    const std::uint64_t events = metered.content_events;
    const bool phrases = metered.text_bytes > kOneToken * events;
    if (wire::traits_of(shape).events == wire::EventStyle::media) {
        // Pictures and sound come in events as well.
        return metered.text_bytes / kBytesPerToken;
    }
    return phrases ? metered.text_bytes / kBytesPerToken : events;
}

Bill bill_for(const upstreams::Metered& metered, const std::optional<Estimate>& estimate,
              const metrics::ModelPrice* price, const metrics::Pieces& pieces,
              bool reasoning_beside) {
    Bill bill;
    wire::Usage said;
    if (metered.usage) {
        said = *metered.usage;
        if (reasoning_beside) wire::put_reasoning_beside(said);
        bill.reported = true;
        bill.tokens = disjoint(said);
    }
    if (estimate) {
        bill.guessed = guess(said, *estimate);
        bill.estimated = bill.guessed.total() > 0;
        bill.tokens.input += bill.guessed.input;
        bill.tokens.output += bill.guessed.output;
    }
    if (!bill.reported && !bill.estimated && price != nullptr && pieces.requests > 0) {
        // It ended well, and its tokens are not what is paid for.
        bill.reported = price->per_request || (price->per_image && pieces.images > 0);
    }
    if (bill.reported || bill.estimated) put_cost(metered, price, pieces, bill);
    return bill;
}

}  // namespace understudy::proxy
