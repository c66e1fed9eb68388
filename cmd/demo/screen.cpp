#include "cmd/demo/screen.hpp"

#include <sys/ioctl.h>
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

std::size_t terminal_columns() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Right-aligned; nothing where the layout has no room for it.
std::string figure(const std::string& text, std::size_t width) {
    if (width == 0) return {};
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
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

Screen::Screen(bool colours)
    : colours_(colours),
      layout_(layout_for(screen_columns(std::getenv("COLUMNS"), terminal_columns()))) {}

std::string Screen::paint(const char* colour, const std::string& text) const {
    return colours_ ? colour + text + kPlain : text;
}

void Screen::title() const {
    const std::string text = layout_.wide
                                 ? "Understudy demo: a primary that misbehaves on request, "
                                   "a backup that is well."
                                 : "Understudy demo: a primary that misbehaves, a well "
                                   "backup.";
    std::printf("%s\n\n", paint(kBold, text).c_str());
    const std::string header = cell("  request", 2 + layout_.kind + layout_.model) +
                               cell("the primary", layout_.primary) +
                               cell("answer", layout_.answer) + figure("time", layout_.time) +
                               figure("tokens", layout_.tokens) + figure("cost", layout_.cost);
    std::printf("%s\n", paint(kDim, header).c_str());
    std::fflush(stdout);
}

void Screen::row(const Step& step, const Result& result, const Answer& answer,
                 const Reading& used) const {
    const bool backup = result.answered_by.starts_with("backup");
    const char* const colour = backup ? kGreen : result.primary_did == "answered" ? "" : kYellow;
    const std::string mark = result.as_promised ? " " : paint(kRed, "!");
    // Colours come around a cell, so that they do not count as columns.
    const std::string line =
        mark + ' ' + cell(step.stream ? "stream" : "plain", layout_.kind) +
        cell(std::string(step.model), layout_.model) +
        cell(layout_.wide ? result.primary_did : result.primary_briefly, layout_.primary) +
        paint(colour, cell(result.answered_by, layout_.answer)) +
        figure(std::to_string(answer.time.count()) + "ms", layout_.time) +
        figure(formatted("%.0f", used.tokens), layout_.tokens) +
        figure(formatted("$%.5f", used.cost_usd), layout_.cost);
    std::printf("%s\n", line.c_str());
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
    std::printf("  curl -i %s \\\n", chat.c_str());
    std::printf("    -d '{\"model\":\"529\"}'\n");
    std::printf("  curl -N %s \\\n", chat.c_str());
    std::printf("    -d '{\"model\":\"slow-20s\",\"stream\":true}'\n");
    std::printf("%s\n", paint(kBold, "Look").c_str());
    std::printf("  metrics         %s/metrics\n", places.daemon.c_str());
    std::printf("  primary's log   %s/control/log\n", places.primary.c_str());
    std::printf("  backup's log    %s/control/log\n", places.backup.c_str());
    std::printf("  configuration   understudy demo --config\n");
    std::fflush(stdout);
}

}  // namespace understudy::demo
