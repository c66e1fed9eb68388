// One breaker: whether an upstream is asked for a model now, or rests. A state machine without a
// clock, random numbers or locks of its own: the table in proxy/breakers.hpp owns one for each
// upstream and model and serialises the workers that use it.
//
// Closed: it opens after `failures` failures in a row (the upstream is dead), or when four times as
// many were at least half of what was asked meanwhile (it is overrun), all within `window`. Open:
// nobody asks until the rest is over. Half open: one request, the probe, is let through; its answer
// closes the breaker, its failure doubles the rest. One that is slow keeps the others away for the
// length of a long rest: then one more is let through. Down: the provider refuses our key, which no
// time cures; a reload does.
#pragma once

#include "config/config.hpp"
#include "net/timers.hpp"
#include "wire/failure.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace understudy::upstreams {

enum class BreakerState : std::uint8_t { closed, half_open, open, down };

/// Whether an entry of a chain may be asked.
struct Availability {
    enum class Kind : std::uint8_t {
        ready,    // yes
        probe,    // yes, by one request
        resting,  // not before `until`, unless there is nobody else to ask
        named,    // not before `until`, whoever else there is: the provider named that time
        down,     // not before a reload
    };
    Kind kind = Kind::ready;
    net::TimePoint until{};
    bool operator==(const Availability&) const = default;
    bool usable() const { return kind == Kind::ready || kind == Kind::probe; }
};

/// Whose credentials an attempt was made with: what a provider says of an account concerns the
/// others that ask it only if the account is theirs too.
enum class Account : std::uint8_t {
    own,     // of the configuration
    none,    // nobody's: the upstream wants none
    client,  // of the client, passed through
};

/// What came of one attempt.
struct AttemptResult {
    AttemptResult() = default;
    wire::FailureClass failure = wire::FailureClass::none;
    std::optional<std::chrono::milliseconds> retry_after;  // when the provider wants to be asked
    Account account = Account::own;
    bool one_request = false;  // refused was what it asked for, not who asked
    bool forbidden = false;    // refused by a 403, which may well be about what it asked for
    bool waited_for = false;   // its request waits that long and asks the same entry again
    bool cut_short = false;    // its request's time was up before its own was
    net::TimePoint started{};
    std::uint32_t probe = 0;  // what start() gave it
};

/// The provider refuses our account, as far as can be told.
bool refuses_account(const AttemptResult& result);

class Breaker {
  public:
    /// What makes a sample of those that failed, in `failures`: with fewer, chance alone would open
    /// the breaker of an upstream that fails once in ten times.
    static constexpr std::uint32_t kSample = 4;
    /// The longest rest, unless `cooldown` itself is longer.
    static constexpr std::chrono::milliseconds kLongestRest{10'000};
    /// The longest that a failure can ask for; of a limit that was met the provider knows better.
    static constexpr std::chrono::milliseconds kLongestNamed{600'000};

    explicit Breaker(const config::Breaker& settings) : settings_(settings) {}
    /// What a reload brings counts from now on.
    void use(const config::Breaker& settings) { settings_ = settings; }

    BreakerState state(net::TimePoint now) const;
    Availability look(net::TimePoint now) const;
    /// So long no other probe is let through beside one that has said nothing yet.
    std::chrono::milliseconds probe_patience() const { return longest_rest(settings_); }
    /// Open: when the rest ends.
    net::TimePoint rests_until() const { return until_; }
    /// An attempt begins. Not 0: it is the probe, and its result, or give_back(), must follow.
    std::uint32_t start(net::TimePoint now);
    /// The first of a good answer has come: a probe need not be waited for any longer. How the
    /// answer ends is told to settle(). True: the state has changed.
    bool begun(std::uint32_t probe, net::TimePoint now);
    /// `random` in [0, 1). True: the state has changed.
    bool settle(const AttemptResult& result, net::TimePoint now, double random);
    /// The probe ended without a verdict: the next request may be it.
    void give_back(std::uint32_t probe);
    /// A reload may have brought a key that is good.
    void forget_refusal();
    /// What is known of the other holds for this one, too: the worse of both. Where that is the
    /// other's, its probes that are out are waited for here as well; see follow().
    void join(const Breaker& other);
    /// Something may have become of those: what the other waits for no longer is not waited for
    /// here either. Where it rests again so does this, unless a probe of its own is out; else the
    /// next request may be that. True: one of the other's is out still.
    bool follow(const Breaker& other, net::TimePoint now);
    /// Forgets failures that no longer count. True: there is nothing left to remember.
    bool clean(net::TimePoint now);

    /// How long the rest is that has been doubled `level` times, without regard to
    /// what the provider asked for. Up to a quarter shorter than said, so that the requests that
    /// wait for several of them do not all come at once.
    static std::chrono::milliseconds rest(const config::Breaker& settings, std::uint32_t level,
                                          double random);

    /// What an attempt says of who was asked.
    enum class Verdict : std::uint8_t { good, failure, limited, refused, nothing };
    static Verdict judge(const AttemptResult& result);

  private:
    static std::chrono::milliseconds longest_rest(const config::Breaker& settings);
    bool good(const AttemptResult& result, net::TimePoint now);
    bool failed(const AttemptResult& result, net::TimePoint now, double random);
    bool limited(const AttemptResult& result, net::TimePoint now, double random);
    bool meanwhile(const AttemptResult& result, net::TimePoint now, double random);
    void open(std::optional<std::chrono::milliseconds> at_least, net::TimePoint now, double random);
    void close(net::TimePoint now);
    bool is_probing(std::uint32_t probe) const;
    bool may_probe(net::TimePoint now) const;
    bool too_many() const;
    void forget_old(net::TimePoint now);
    std::uint32_t level_when_opened(net::TimePoint now) const;

    /// An attempt that failed, and how many were begun between it and the next one that did.
    struct Failure {
        net::TimePoint at;
        std::uint32_t asked = 0;
    };

    config::Breaker settings_;
    enum class Position : std::uint8_t { closed, open, down };
    Position position_ = Position::closed;
    net::TimePoint until_{};              // open: the rest ends
    net::TimePoint named_{};              // open: the provider does not want to be asked before
    net::TimePoint opened_{};             // the last time it did
    net::TimePoint closed_{};             // the same
    std::uint32_t level_ = 0;             // how often the rest has been doubled
    std::uint32_t probes_ = 0;            // so many there were
    net::TimePoint probe_at_{};           // when the last of them began
    std::vector<std::uint32_t> probing_;  // those that are out, since it opened
    std::uint32_t shared_ = 0;            // those up to this are another breaker's
    std::uint32_t closed_by_ = 0;         // the one that began well
    std::vector<Failure> failed_;         // closed: the last ones that count, oldest first
};

}  // namespace understudy::upstreams
