#include "metrics/packed_price.hpp"

#include "metrics/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace understudy::metrics {

namespace {

using Rate = std::optional<std::int64_t>;

constexpr unsigned kDecimals = 6;  // USD per million tokens in pico-dollars per token
constexpr std::array<std::pair<char, Rate Rates::*>, 11> kRateLetters{{
    {'i', &Rates::input},
    {'o', &Rates::output},
    {'r', &Rates::cache_read},
    {'w', &Rates::cache_write},
    {'h', &Rates::cache_write_1h},
    {'t', &Rates::reasoning},
    {'a', &Rates::audio_input},
    {'c', &Rates::audio_cache_read},
    {'s', &Rates::audio_output},
    {'m', &Rates::image_input},
    {'n', &Rates::image_output},
}};
constexpr std::array<std::pair<char, Rate ModelPrice::*>, 2> kPieceLetters{{
    {'q', &ModelPrice::per_request},
    {'g', &ModelPrice::per_image},
}};
constexpr std::array<std::pair<std::string_view, Rates ServiceRates::*>, 4> kServices{{
    {"", &ServiceRates::standard},
    {"p", &ServiceRates::priority},
    {"f", &ServiceRates::flex},
    {"b", &ServiceRates::batch},
}};

void add_rate(std::string& out, char letter, const Rate& rate) {
    if (!rate) return;
    out += letter;
    const auto begin = out.size();
    append_decimal(out, static_cast<std::uint64_t>(std::max<std::int64_t>(*rate, 0)), kDecimals);
    if (out.compare(begin, 2, "0.") == 0) out.erase(begin, 1);
}

std::string rates_text(const Rates& rates) {
    std::string out;
    for (const auto& [letter, member] : kRateLetters) add_rate(out, letter, rates.*member);
    return out;
}

void add_services(std::string& out, const ServiceRates& rates, const std::string& above) {
    for (const auto& [letter, service] : kServices) {
        const auto text = rates_text(rates.*service);
        if (text.empty() || (letter.empty() && above.empty())) continue;
        out.append("|").append(above).append(letter).append(":").append(text);
    }
}

/// Takes a decimal off the front: "2.5" is 2'500'000.
std::optional<std::int64_t> take_decimal(std::string_view& text) {
    constexpr std::int64_t kMost = 9'000'000'000'000;  // dollars per million: no overflow
    std::int64_t value = 0;
    unsigned decimals = 0;
    bool point = false, any = false;
    for (; !text.empty(); text.remove_prefix(1)) {
        const char c = text.front();
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            if (point && ++decimals > kDecimals) return std::nullopt;
            value = value * 10 + (c - '0');
            any = true;
            if (value > kMost * 100'000) return std::nullopt;
        } else {
            break;
        }
    }
    for (; decimals < kDecimals; ++decimals) {
        value *= 10;
        if (value > kMost * 100'000) return std::nullopt;
    }
    if (!any) return std::nullopt;
    return value;
}

std::uint64_t take_number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return ec == std::errc{} ? value : 0;
}

std::string_view take_until(std::string_view& text, char end) {
    const auto at = std::min(text.find(end), text.size());
    const auto part = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return part;
}

void read_rates(std::string_view text, Rates& rates, ModelPrice* pieces) {
    while (!text.empty()) {
        const char letter = text.front();
        text.remove_prefix(1);
        const auto value = take_decimal(text);
        if (!value) return;
        for (const auto& [known, member] : kRateLetters) {
            if (known == letter) rates.*member = value;
        }
        if (pieces == nullptr) continue;
        for (const auto& [known, member] : kPieceLetters) {
            if (known == letter) pieces->*member = value;
        }
    }
}

ServiceRates& rates_above(ModelPrice& price, std::uint64_t above) {
    if (above == 0) return price;
    const auto at = std::lower_bound(
        price.tiers.begin(), price.tiers.end(), above,
        [](const ModelPrice::Tier& tier, std::uint64_t tokens) { return tier.above < tokens; });
    if (at != price.tiers.end() && at->above == above) return *at;
    ModelPrice::Tier tier;
    tier.above = above;
    return *price.tiers.insert(at, tier);
}

void read_group(std::string_view group, ModelPrice& price) {
    auto label = take_until(group, ':');
    std::uint64_t above = 0;
    if (label.starts_with('>')) {
        label.remove_prefix(1);
        above = take_number(label);
        if (above == 0) return;
    }
    for (const auto& [letter, service] : kServices) {
        if (letter == label) read_rates(group, rates_above(price, above).*service, nullptr);
    }
}

bool printable(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

}  // namespace

std::string pack_price(std::string_view key, const ModelPrice& price) {
    std::string out;
    if (key.empty() || !printable(key) || !printable(price.provider)) return out;
    out.append(key).append("\t").append(price.provider);
    out.append("\t").append(std::to_string(price.max_prompt));
    out.append("\t").append(std::to_string(price.max_output)).append("\t");
    out += rates_text(price.standard);
    for (const auto& [letter, member] : kPieceLetters) add_rate(out, letter, price.*member);
    add_services(out, price, "");
    for (const auto& tier : price.tiers) {
        add_services(out, tier, std::string(">").append(std::to_string(tier.above)));
    }
    return out;
}

ModelPrice unpack_price(std::string_view line) {
    ModelPrice price;
    take_until(line, '\t');
    price.provider = take_until(line, '\t');
    auto prompt = take_until(line, '\t'), output = take_until(line, '\t');
    price.max_prompt = take_number(prompt);
    price.max_output = take_number(output);
    read_rates(take_until(line, '|'), price.standard, &price);
    while (!line.empty()) read_group(take_until(line, '|'), price);
    return price;
}

std::string_view key_of_line(std::string_view line) {
    return line.substr(0, line.find('\t'));
}

std::string join_price_lines(std::vector<std::string> lines) {
    std::stable_sort(lines.begin(), lines.end(),
                     [](const auto& a, const auto& b) { return key_of_line(a) < key_of_line(b); });
    std::string out;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const bool again =
            i + 1 < lines.size() && key_of_line(lines[i]) == key_of_line(lines[i + 1]);
        if (!again && !lines[i].empty()) out.append(lines[i]).append("\n");
    }
    return out;
}

std::string_view find_price_line(std::string_view lines, std::string_view key) {
    std::size_t begin = 0, end = lines.size();  // both where lines begin
    while (begin < end) {
        auto middle = begin + (end - begin) / 2;
        while (middle > begin && lines[middle - 1] != '\n') --middle;
        const auto line_end = std::min(lines.find('\n', middle), lines.size());
        const auto line = lines.substr(middle, line_end - middle);
        const auto found = key_of_line(line);
        if (found == key) return line;
        if (found < key) {
            begin = std::min(line_end + 1, lines.size());
        } else {
            end = middle;
        }
    }
    return {};
}

}  // namespace understudy::metrics
