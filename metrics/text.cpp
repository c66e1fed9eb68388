#include "metrics/text.hpp"

#include <algorithm>
#include <array>

namespace understudy::metrics {

namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629: no overlong forms, no
/// surrogates, nothing above U+10FFFF), or 0.
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto tail = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
    const unsigned lead = at(0), second = at(1);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        const bool legal = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second > 0x9F);
        return legal && tail(1) && tail(2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const bool legal = !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second > 0x8F);
        return legal && tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

void append_escaped(std::string& out, std::string_view value) {
    for (const char c : value) {
        switch (c) {
            case '\\':
                out += "\\\\";
                break;
            case '"':
                out += "\\\"";
                break;
            case '\n':
                out += "\\n";
                break;
            default:
                out += c;
        }
    }
}

/// HELP escapes the quotation mark in OpenMetrics only; our texts contain none of the three.
std::string_view base_name(const Family& family) {
    const auto without = [&](std::string_view suffix) {
        auto name = family.name;
        if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
        return name;
    };
    if (family.type == FamilyType::counter) return without("_total");
    if (family.type == FamilyType::info) return without("_info");
    return family.name;
}

std::string_view type_name(FamilyType type, Format format) {
    switch (type) {
        case FamilyType::counter:
            return "counter";
        case FamilyType::histogram:
            return "histogram";
        case FamilyType::info:
            return format == Format::openmetrics ? "info" : "gauge";
        case FamilyType::gauge:
            break;
    }
    return "gauge";
}

/// The digits of `value`; 39 are enough for 128 bits.
std::string digits_of(Wide value) {
    std::array<char, 40> buffer;
    auto* const end = buffer.data() + buffer.size();
    auto* begin = end;
    do {
        *--begin = static_cast<char>('0' + static_cast<int>(value % 10));
        value /= 10;
    } while (value != 0);
    return {begin, end};
}

}  // namespace

std::string clean_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        out += length != 0 ? text.substr(0, length) : std::string_view("\xEF\xBF\xBD");
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

std::string label_block(std::initializer_list<Label> labels) {
    std::string out;
    for (const auto& label : labels) {
        if (!out.empty()) out += ',';
        out += label.name;
        out += "=\"";
        append_escaped(out, label.value);
        out += '"';
    }
    return out;
}

void append_decimal(std::string& out, Wide value, unsigned scale) {
    std::string digits = digits_of(value);
    if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
    const std::size_t whole = digits.size() - scale;
    out.append(digits, 0, whole);
    const auto last = digits.find_last_not_of('0');
    if (scale == 0 || last == std::string::npos || last < whole) return;
    out += '.';
    out.append(digits, whole, last + 1 - whole);
}

std::string bound_text(std::uint64_t value, unsigned scale) {
    std::string digits = digits_of(value);
    const int exponent = static_cast<int>(digits.size()) - 1 - static_cast<int>(scale);
    std::string out;
    if (value != 0 && (exponent < -4 || exponent >= 6)) {
        digits.erase(digits.find_last_not_of('0') + 1);
        out += digits[0];
        if (digits.size() > 1) out.append(".").append(digits, 1);
        const auto magnitude = static_cast<unsigned>(exponent < 0 ? -exponent : exponent);
        out.append(exponent < 0 ? "e-" : "e+").append(magnitude < 10 ? "0" : "");
        return out += std::to_string(magnitude);
    }
    append_decimal(out, value, scale);
    if (out.find('.') == std::string::npos) out += ".0";
    return out;
}

void FamilyWriter::header() {
    started_ = true;
    const bool open = format_ == Format::openmetrics;
    const auto name = open ? base_name(family_) : family_.name;
    out_.append("# HELP ").append(name).append(" ").append(family_.help).append("\n# TYPE ");
    out_.append(name).append(" ").append(type_name(family_.type, format_)).append("\n");
    if (open && !family_.unit.empty()) {
        out_.append("# UNIT ").append(name).append(" ").append(family_.unit).append("\n");
    }
}

void FamilyWriter::sample(std::string_view labels, Wide value, unsigned scale) {
    sample({}, labels, {}, {}, value, scale);
}

void FamilyWriter::sample(std::string_view suffix, std::string_view labels,
                          std::string_view extra_name, std::string_view extra_value, Wide value,
                          unsigned scale) {
    if (!started_) header();
    out_.append(family_.name).append(suffix);
    if (!labels.empty() || !extra_name.empty()) {
        out_.append("{").append(labels);
        if (!extra_name.empty()) {
            out_.append(labels.empty() ? "" : ",").append(extra_name).append("=\"");
            out_.append(extra_value).append("\"");
        }
        out_.append("}");
    }
    out_ += ' ';
    append_decimal(out_, value, scale);
    out_ += '\n';
}

}  // namespace understudy::metrics
