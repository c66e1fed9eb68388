#include "dialects/answer.hpp"

namespace understudy::dialects {

wire::Usage AnswerWriter::estimate(std::uint64_t prompt, std::uint64_t told_bytes) {
    wire::Usage usage;
    usage.prompt = prompt;
    usage.completion = (told_bytes + kBytesPerToken - 1) / kBytesPerToken;
    return usage;
}

std::string AnswerWriter::custom_input(const std::string& arguments) {
    const auto text = unescaped(arguments);
    wire::JsonKind kind{};
    if (wire::check_json(text, kind)) return arguments;
    const auto input = Value::of(text).at("input");
    if (!input.is_string()) return arguments;
    std::string out(input.content());
    mend_halves(out);
    return out;
}

}  // namespace understudy::dialects
