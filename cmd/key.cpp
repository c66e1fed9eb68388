// `understudy key`: makes a key for a client, and what stands for it in the configuration. A key is
// never an argument: other users of the machine can read those, and shells remember them.
#include "cmd/commands.hpp"
#include "config/stored_key.hpp"
#include "config/text.hpp"

#include <CLI/CLI.hpp>

#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace understudy::cmd {
namespace {

constexpr std::size_t kLongestKey = 4096;

int make(const std::string& name) {
    if (!config::is_plain_name(name)) {
        std::fprintf(stderr,
                     "--name: %s is not a name: use 1 to 64 letters, digits, dots, dashes and "
                     "underscores\n",
                     config::in_quotes(name).c_str());
        return kUsage;
    }
    std::array<std::uint8_t, 32> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
        std::fprintf(stderr, "the system gives no random numbers (errno %d)\n", errno);
        return kFailure;
    }
    const auto key = config::key_from(random);
    std::printf("%s\n\nkeys:\n  - name: %s\n    key: %s\n", key.c_str(), name.c_str(),
                config::stored_form(key).c_str());
    std::fflush(stdout);
    std::fprintf(stderr,
                 "\nThe first line is the client's; it is kept nowhere. The others are for the "
                 "configuration.\n");
    return kOk;
}

// Nobody looks over the shoulder of who types a key.
class NoEcho {
  public:
    explicit NoEcho(int terminal) : terminal_(terminal) {
        if (::tcgetattr(terminal_, &before_) != 0) return;
        auto quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        changed_ = ::tcsetattr(terminal_, TCSAFLUSH, &quiet) == 0;
    }
    ~NoEcho() {
        if (changed_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
    }
    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;

  private:
    int terminal_;
    termios before_{};
    bool changed_ = false;
};

// One line, without its end; empty: there is none, or too much of it.
std::string read_key() {
    const bool typed = ::isatty(STDIN_FILENO) == 1;
    // In this order: what is typed at the prompt would be shown, or thrown away with what came
    // before.
    const NoEcho quiet(STDIN_FILENO);
    if (typed) std::fprintf(stderr, "Key: ");
    std::string key;
    int c = 0;
    while ((c = std::getchar()) != EOF && c != '\n' && key.size() <= kLongestKey) {
        key += static_cast<char>(c);
    }
    if (typed) std::fprintf(stderr, "\n");
    if (key.ends_with('\r')) key.pop_back();
    return key.size() > kLongestKey ? std::string() : key;
}

bool can_be_sent(std::string_view key) {
    for (const char c : key) {
        if (c <= ' ' || c >= 0x7f) return false;
    }
    return !key.empty();
}

int hash() {
    auto key = read_key();
    if (!can_be_sent(key)) {
        std::fprintf(stderr,
                     "give the key on standard input, one line of visible ASCII: "
                     "printf %%s \"$KEY\" | understudy key hash\n");
        return kUsage;
    }
    if (key.size() < config::kShortKey) {
        std::fprintf(stderr,
                     "warning: shorter than %zu characters; whoever sees the hash can find the "
                     "key by trying. `understudy key new` makes a good one.\n",
                     config::kShortKey);
    }
    std::printf("%s\n", config::stored_form(key).c_str());
    explicit_bzero(key.data(), key.size());
    return kOk;
}

}  // namespace

Run add_key(CLI::App& app) {
    app.require_subcommand(1);
    const auto name = std::make_shared<std::string>("client");
    auto* const fresh = app.add_subcommand("new", "Print a new key, and its lines for `keys`");
    fresh->add_option("--name", *name, "What logs and metrics call it")
        ->type_name("NAME")
        ->capture_default_str();
    auto* const hashed = app.add_subcommand(
        "hash", "Read a key from standard input and print what stands for it in `keys[].key`");
    return [name, fresh, hashed] {
        if (fresh->parsed()) return make(*name);
        return hashed->parsed() ? hash() : kUsage;
    };
}

}  // namespace understudy::cmd
