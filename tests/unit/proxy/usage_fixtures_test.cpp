// One table of what providers say of usage (usage_fixtures.json), run through everything that reads
// it and makes a bill of it: whole and in every kind of pieces, the same tokens and the same money.
#include "config/presets.hpp"
#include "proxy/report.hpp"
#include "tests/unit/source_path.hpp"
#include "upstreams/meter.hpp"
#include "wire/answer_traits.hpp"
#include "wire/passing_answer.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace understudy;
using namespace understudy::proxy;
using Json = nlohmann::ordered_json;
using upstreams::Metered;
using upstreams::StreamMeter;
using wire::AnswerShape;

namespace {

const Json& fixtures() {
    static const Json table = [] {
        std::ifstream file(test::source_path("tests/unit/proxy/usage_fixtures.json"));
        return Json::parse(file);
    }();
    return table;
}

AnswerShape shape_of(const std::string& name) {
    constexpr std::array<std::string_view, wire::kAnswerShapes> kNames{
        "chat",          "completion",   "responses", "messages",   "messages_count", "gemini",
        "gemini_list",   "gemini_count", "converse",  "embeddings", "moderations",    "images",
        "transcription", "other_json",   "opaque",    "speech",     "compaction"};
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (kNames[i] == name) return static_cast<AnswerShape>(i);
    }
    FAIL("no such shape: " << name);
    return AnswerShape::chat;
}

std::string text_of(const Json& body) {
    return body.is_string() ? body.get<std::string>() : body.dump();
}

/// As a server sends them; an end marker and the like stand as they are.
std::vector<std::string> events_of(const Json& events) {
    std::vector<std::string> texts;
    for (const auto& event : events) {
        const bool named = event.is_object() && event.contains("event");
        const std::string head = named ? "event: " + event["event"].get<std::string>() + "\n" : "";
        texts.push_back(head + "data: " + text_of(named ? event["data"] : event) + "\n\n");
    }
    return texts;
}

Metered metered_of(AnswerShape shape, const std::vector<std::string>& pieces, bool large = false) {
    StreamMeter meter(shape, {}, false);
    if (large) meter.give_up();
    std::string held;
    for (const auto& piece : pieces) {
        held += piece;
        meter.scan(held);
        held.erase(0, meter.ready_end());
        meter.take();
    }
    meter.scan_rest(held);
    return meter.facts();
}

Metered whole(const Json& row, AnswerShape shape) {
    const std::string label = row.value("label", "");
    const auto facts = wire::inspect_answer(shape, text_of(row["body"]),
                                            label == "json"    ? wire::BodyLabel::json
                                            : label == "other" ? wire::BodyLabel::other
                                                               : wire::BodyLabel::none);
    Metered metered;
    metered.usage = facts.usage;
    metered.model = facts.model;
    metered.service_tier = facts.service_tier;
    return metered;
}

metrics::Rates rates_of(const Json& price) {
    const auto rate = [&](const char* name) -> std::optional<std::int64_t> {
        if (!price.contains(name)) return std::nullopt;
        return std::llround(price[name].get<double>() * 1e6);
    };
    metrics::Rates rates;
    rates.input = rate("input");
    rates.output = rate("output");
    rates.cache_read = rate("cache_read");
    rates.cache_write = rate("cache_write");
    rates.cache_write_1h = rate("cache_write_1h");
    rates.audio_input = rate("audio_input");
    rates.audio_output = rate("audio_output");
    rates.audio_cache_read = rate("audio_cache_read");
    rates.image_input = rate("image_input");
    rates.image_output = rate("image_output");
    return rates;
}

std::optional<metrics::ModelPrice> price_of(const Json& row) {
    static const Json usual =
        Json::parse(R"({"input":2,"output":10,"cache_read":0.2,"cache_write":2.5})");
    const Json& price = row.contains("price") ? row["price"] : usual;
    if (price.is_null()) return std::nullopt;
    metrics::ModelPrice model;
    model.standard = rates_of(price);
    if (price.contains("priority")) model.priority = rates_of(price["priority"]);
    return model;
}

Ending ending_of(const Json& row) {
    const std::string end = row.value("end", "finished");
    if (end == "none") return Ending::none;
    if (end == "cut") return Ending::cut;
    return end == "overtaken" ? Ending::overtaken : Ending::finished;
}

Bill bill_of(const Json& row, AnswerShape shape, const Metered& metered) {
    const auto ending = ending_of(row);
    std::optional<Estimate> estimate;
    if (needs_estimate(metered, ending)) {
        const std::string request = row.contains("request") ? row["request"].dump() : "{}";
        wire::RequestFacts facts;
        REQUIRE_FALSE(wire::scan_request(request, facts));
        estimate =
            Estimate{estimated_prompt(request, &facts), estimated_completion(shape, metered)};
    }
    const auto* const preset = config::find_preset(row["preset"].get<std::string>());
    REQUIRE(preset != nullptr);
    const auto price = price_of(row);
    return bill_for(metered, estimate, price ? &*price : nullptr, {},
                    preset->quirks.reasoning_beside);
}

metrics::TokenCounts counts_of(const Json& row) {
    if (!row.contains("tokens")) return {};
    const auto& t = row["tokens"];
    return {t[0].get<std::uint64_t>(), t[1].get<std::uint64_t>(), t[2].get<std::uint64_t>(),
            t[3].get<std::uint64_t>(), t[4].get<std::uint64_t>()};
}

/// The five counts alone; check_parts() has the rest.
metrics::TokenCounts disjoint_of(const metrics::TokenCounts& counts) {
    return {counts.input, counts.cache_read, counts.cache_write, counts.output, counts.reasoning};
}

void check_parts(const Json& row, const wire::Usage& usage) {
    const Json parts = row.value("parts", Json::object());
    const auto part = [&](const char* name) { return parts.value(name, std::uint32_t{0}); };
    CHECK(usage.cache_write_1h == part("cache_write_1h"));
    CHECK(usage.audio_input == part("audio_input"));
    CHECK(usage.image_input == part("image_input"));
    CHECK(usage.audio_cache_read == part("audio_cache_read"));
    CHECK(usage.audio_output == part("audio_output"));
    CHECK(usage.image_output == part("image_output"));
}

void check(const Json& row, AnswerShape shape, const Metered& metered) {
    const auto bill = bill_of(row, shape, metered);
    const auto guessed = row.contains("guessed") ? row["guessed"] : Json::array({0, 0});
    const metrics::TokenCounts guess{guessed[0].get<std::uint64_t>(), 0, 0,
                                     guessed[1].get<std::uint64_t>(), 0};
    const auto said = bill.said();
    CAPTURE(said.input, said.cache_read, said.cache_write, said.output, said.reasoning,
            bill.guessed.input, bill.guessed.output);
    CHECK(disjoint_of(said) == counts_of(row));
    CHECK(bill.guessed == guess);
    CHECK(bill.reported == row.contains("tokens"));
    CHECK(bill.estimated == row.contains("guessed"));
    CHECK(bill.said_cost_pico_usd() == row.value("nano_usd", std::int64_t{0}) * 1000);
    CHECK(bill.guessed_cost_pico_usd == row.value("guessed_nano_usd", std::int64_t{0}) * 1000);
    CHECK(bill.cost_pico_usd.has_value() ==
          (row.contains("nano_usd") || row.contains("guessed_nano_usd")));
    AttemptReport report;
    report.shape = shape;
    report.ended = ending_of(row) == Ending::finished;
    report.bill = bill;
    CHECK(report.usage_missing() == row.value("missing", false));
    if (row.contains("model")) CHECK(metered.model == row["model"].get<std::string>());
    if (row.contains("tier")) CHECK(metered.service_tier == row["tier"].get<std::string>());
    if (metered.usage) check_parts(row, *metered.usage);
}

std::string joined(const std::vector<std::string>& pieces) {
    std::string text;
    for (const auto& piece : pieces) text += piece;
    return text;
}

std::vector<std::string> byte_by_byte(const std::string& text) {
    std::vector<std::string> pieces;
    for (const char c : text) pieces.emplace_back(1, c);
    return pieces;
}

}  // namespace

TEST_CASE("What providers say of usage becomes these tokens and this money") {
    CHECK(fixtures().size() >= 120);
    for (const Json& row : fixtures()) {
        const std::string name = row["name"], kind = row["kind"], preset = row["preset"];
        const auto shape = shape_of(row["shape"]);
        INFO(preset << ", " << row["shape"].get<std::string>() << ", " << kind << ": " << name);
        if (kind == "whole") {
            check(row, shape, whole(row, shape));
            continue;
        }
        // However the network cuts it.
        const auto events = events_of(row["body"]);
        const auto text = joined(events);
        check(row, shape, metered_of(shape, events));
        check(row, shape, metered_of(shape, {text}));
        check(row, shape, metered_of(shape, byte_by_byte(text)));
        check(row, shape,
              metered_of(shape, {text.substr(0, text.size() / 2), text.substr(text.size() / 2)}));
    }
}

TEST_CASE("An answer that is too large to be held says the same as one that is held") {
    for (const Json& row : fixtures()) {
        const auto shape = shape_of(row["shape"]);
        const auto& traits = wire::traits_of(shape);
        INFO(row["preset"].get<std::string>() << ": " << row["name"].get<std::string>());
        if (row["kind"] == "whole") {
            const auto held = whole(row, shape);
            wire::PassingAnswer passing(shape);
            const auto text = text_of(row["body"]);
            for (std::size_t i = 0; i < text.size(); i += 7) {
                passing.feed(std::string_view(text).substr(i, 7));
            }
            const auto facts = passing.facts();
            CHECK(facts.usage == held.usage);
            CHECK(facts.model == held.model);
            CHECK(facts.service_tier == held.service_tier);
            continue;
        }
        const auto text = joined(events_of(row["body"]));
        // Where nothing is judged, a choice's own usage is not found, and only [DONE] is an end.
        if (row["name"] == "usage in the choice" ||
            (!traits.has_marker && row.value("end", "") == "cut"))
            continue;
        const auto held = metered_of(shape, {text});
        const auto passed = metered_of(
            shape, {text.substr(0, 33), text.substr(33 < text.size() ? 33 : text.size())}, true);
        CHECK(passed.usage == held.usage);
        CHECK(passed.service_tier == held.service_tier);
    }
}

TEST_CASE("Parts sum to totals, whatever was said, and in whatever order") {
    std::vector<wire::Usage> blocks;
    for (const Json& row : fixtures()) {
        const auto shape = shape_of(row["shape"]);
        const auto metered = row["kind"] == "whole"
                                 ? whole(row, shape)
                                 : metered_of(shape, {joined(events_of(row["body"]))});
        if (metered.usage) blocks.push_back(*metered.usage);
    }
    REQUIRE(blocks.size() > 100);
    const auto price = price_of(Json::object());
    // One check for a pair: there are many.
    const auto holds = [&](const wire::Usage& usage) {
        bool all = usage.cache_read + usage.cache_write <= usage.prompt &&
                   usage.reasoning <= usage.completion &&
                   usage.cache_write_1h <= usage.cache_write &&
                   usage.audio_cache_read <= usage.cache_read &&
                   usage.audio_input + usage.image_input <=
                       usage.prompt - usage.cache_read - usage.cache_write &&
                   usage.audio_output + usage.image_output <= usage.completion - usage.reasoning &&
                   usage.prompt <= wire::kMaxTokenCount && usage.completion <= wire::kMaxTokenCount;
        Metered metered;
        metered.usage = usage;
        for (const std::uint64_t went_by : {0, 3, 1'000'000}) {
            const auto bill = bill_for(metered, Estimate{50, went_by}, &*price);
            const auto said = bill.said();
            all = all && said.prompt() == usage.prompt && said.completion() == usage.completion &&
                  bill.tokens.total() == said.total() + bill.guessed.total() &&
                  bill.tokens.completion() == std::max(usage.completion, went_by) &&
                  bill.cost_pico_usd == bill.said_cost_pico_usd() + bill.guessed_cost_pico_usd &&
                  bill.guessed_cost_pico_usd >= 0 && bill.said_cost_pico_usd() >= 0;
        }
        return all;
    };
    for (const auto& first : blocks) {
        CHECK(holds(first));
        for (const auto& second : blocks) {
            auto both = first;
            wire::merge_usage(both, second);
            CHECK(holds(both));
            wire::put_reasoning_beside(both);
            CHECK(holds(both));
        }
    }
}
