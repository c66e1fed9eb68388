#include "cmd/demo/screen.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace understudy::demo {
namespace {

constexpr const char* kGreen = "\033[32m";
constexpr const char* kYellow = "\033[33m";
constexpr const char* kRed = "\033[31m";
constexpr const char* kBold = "\033[1m";
constexpr const char* kDim = "\033[2m";
constexpr const char* kPlain = "\033[0m";

/// Left-aligned in `width` columns. Colours come around it, so that they do not count.
std::string cell(const std::string& text, std::size_t width) {
    std::string out = text;
    out.resize(std::max(width, text.size()), ' ');
    return out;
}

std::string formatted(const char* format, double value) {
    char text[32];
    const int size = std::snprintf(text, sizeof text, format, value);
    return {text, static_cast<std::size_t>(size)};
}

}  // namespace

bool colours_wanted() {
    const char* const no_colour = std::getenv("NO_COLOR");
    const char* const terminal = std::getenv("TERM");
    if (no_colour != nullptr && *no_colour != '\0') return false;
    return ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr &&
           std::strcmp(terminal, "dumb") != 0;
}

std::string Screen::paint(const char* colour, const std::string& text) const {
    return colours_ ? colour + text + kPlain : text;
}

void Screen::title() const {
    std::printf("%s\n\n", paint(kBold,
                                "Understudy demo: a primary that misbehaves on request, a "
                                "backup that is well.")
                              .c_str());
    const std::string header = cell("  request", 27) + cell("the primary", 19) +
                               cell("answer", 12) + "  time tokens     cost";
    std::printf("%s\n", paint(kDim, header).c_str());
    std::fflush(stdout);
}

void Screen::row(const Step& step, const Result& result, const Answer& answer,
                 const Reading& used) const {
    const bool backup = result.answered_by.starts_with("backup");
    const char* const colour = backup ? kGreen : result.primary_did == "answered" ? "" : kYellow;
    const std::string request =
        cell(step.stream ? "stream" : "plain", 7) + cell(std::string(step.model), 18);
    std::printf("%s %s%s%s%6s %6s %8s\n", result.as_promised ? " " : paint(kRed, "!").c_str(),
                request.c_str(), cell(result.primary_did, 19).c_str(),
                paint(colour, cell(result.answered_by, 12)).c_str(),
                (std::to_string(answer.time.count()) + "ms").c_str(),
                formatted("%.0f", used.tokens).c_str(), formatted("$%.5f", used.cost_usd).c_str());
    std::fflush(stdout);
}

void Screen::summary(const Reading& all, std::size_t rows, std::size_t wrong) const {
    const std::string total = formatted("%.0f", all.tokens) + " tokens, " +
                              formatted("$%.5f", all.cost_usd) + ", " +
                              formatted("%.0f", all.failovers) + " failovers";
    std::printf("%s\n", paint(kDim, "  in all: " + total).c_str());
    if (wrong == 0) return;
    const auto text = std::to_string(wrong) + " of " + std::to_string(rows) +
                      " did not come out as promised (marked !)";
    std::printf("%s\n", paint(kRed, text).c_str());
}

void Screen::next_steps(const Places& places) const {
    const std::string chat = places.daemon + "/v1/chat/completions";
    std::printf("\n%s\n", paint(kBold, "Try it (models: understudy mock --help)").c_str());
    std::printf("  curl -i %s -d '{\"model\":\"529\"}'\n", chat.c_str());
    std::printf("  curl -N %s \\\n", chat.c_str());
    std::printf("    -d '{\"model\":\"slow-20s\",\"stream\":true}'\n");
    std::printf("%s\n", paint(kBold, "Look").c_str());
    std::printf("  metrics         %s/metrics\n", places.daemon.c_str());
    std::printf("  what they got   %s/control/log (primary)\n", places.primary.c_str());
    std::printf("                  %s/control/log (backup)\n", places.backup.c_str());
    std::printf("  configuration   understudy demo --config\n");
    std::fflush(stdout);
}

}  // namespace understudy::demo
