#include "ledger/ledger.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::ledger {

namespace {

using std::chrono::milliseconds;

// No row waits longer than this to be written together with others, counted from when the batch
// before it was taken: with the time that writing takes, what a client has had for 100 ms is safe.
constexpr milliseconds kGroup{40};
constexpr milliseconds kFirstRetry{50}, kLongestRetry{1000};
constexpr milliseconds kLook{50};                 // between two looks for what others have written,
constexpr std::chrono::seconds kOthersAbout{30};  // for so long after they have
constexpr milliseconds kOthersPause{60'000};      // and when nobody is about
constexpr milliseconds kTidyStep{50};             // between two steps, while there is something
constexpr std::chrono::minutes kBetweenLosses{1};  // told of
constexpr milliseconds kPatienceAtStart{2000}, kPatienceAtEnd{3000};
// A file that is corrupt again as soon as it was made anew is no use: the disk is to blame.
constexpr std::chrono::minutes kBetweenReplacements{1};

}  // namespace

std::string_view name_of(Fault fault) {
    static constexpr std::array<std::string_view, 10> kNames{
        "none",    "locked",  "full",  "read_only", "unreachable",
        "corrupt", "foreign", "newer", "removed",   "failed"};
    return kNames[static_cast<std::size_t>(fault)];
}

std::string_view advice_for(Fault fault) {
    switch (fault) {
        case Fault::full:
            return "Make room on its disk.";
        case Fault::read_only:
            return "The place is read-only for this process: let its user write to the file and "
                   "its folder (containers: a volume that is not mounted read-only), or name "
                   "another place with `ledger: { path: FILE }`.";
        case Fault::unreachable:
            return "Make the folder, with the right for this process's user to write there, or "
                   "name another place with `ledger: { path: FILE }`.";
        case Fault::foreign:
        case Fault::newer:
            return "Name another place with `ledger: { path: FILE }`.";
        default:
            return {};
    }
}

Ledger::Ledger(std::unique_ptr<Store> store, Settings settings)
    : store_(std::move(store)),
      settings_(std::move(settings)),
      room_(settings_.most_bytes, settings_.take_memory, settings_.give_memory),
      keep_(settings_.keep) {
    for (std::size_t i = 0; i < settings_.mailboxes; ++i) {
        mailboxes_.push_back(std::make_unique<Mailbox>(room_));
    }
}

Ledger::~Ledger() {
    stop();
}

Fault Ledger::start() {
    auto fault = open_patiently();
    if (fault == Fault::corrupt && replace_corrupt()) fault = open_patiently();
    if (fault == Fault::none) fault = read_counters();
    if (fault == Fault::none) {
        up_ = true;
    } else {
        note_down(fault);
    }
    look_at_ = Clock::now();
    others_until_ = look_at_ + kOthersAbout;
    thread_ = std::thread([this] { run(); });
    return fault;
}

// Who holds it may be the daemon that this one takes over from.
Fault Ledger::open_patiently() {
    const auto until = Clock::now() + kPatienceAtStart;
    for (;;) {
        const auto fault = open_store();
        if (fault != Fault::locked || Clock::now() >= until) return fault;
        std::this_thread::sleep_for(kFirstRetry);
    }
}

// Rows wait while somebody writes to it in an older form, as long as there is room for them.
Fault Ledger::open_store() {
    const bool others = settings_.predecessor_lives && settings_.predecessor_lives();
    // At its own end nobody comes after it who could write them.
    store_->leave_form(others && !congested() && !ending());
    const auto fault = store_->open();
    // Before there is anything of this process in it. Rows that a clock ahead has dated later than
    // now say nothing of this one, nor do those that the process before may have written under it.
    if (fault == Fault::none && !retention_.has_begun()) {
        const auto now = settings_.now();
        const auto trusted = now.wall - Retention::kEvenly;
        retention_.begin(now, store_->newest(trusted.time_since_epoch().count()));
    }
    if (fault != Fault::removed) return fault;
    note_down(fault);
    const auto again = store_->open();
    if (again == Fault::none) note_up();
    return again;
}

bool Ledger::ending() {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

Health Ledger::health() const {
    return {up_, written_, lost_, room_.used()};
}

void Ledger::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_) end_by_ = Clock::now() + kPatienceAtEnd;
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool Ledger::anything() const {
    return std::any_of(mailboxes_.begin(), mailboxes_.end(),
                       [](const auto& mailbox) { return !mailbox->empty(); });
}

void Ledger::wake() {
    {
        const std::lock_guard lock(mutex_);
        asleep_ = false;
    }
    wake_.notify_one();
}

void Ledger::wait_for_rows() {
    std::unique_lock lock(mutex_);
    asleep_ = true;
    settled_.notify_all();
    if (!anything() && !stopping_) {
        const auto until = std::min(tidy_at_, look_at_);
        wake_.wait_until(lock, until, [this] { return !asleep_ || stopping_; });
        waiting_since_ = Clock::now();
    }
    asleep_ = false;
}

std::uint64_t Ledger::round() {
    const std::lock_guard lock(mutex_);
    return rounds_;
}

bool Ledger::settle(milliseconds most) {
    return settle(most, round());
}

// The round under way may have begun before the last row came; the one after it has all.
bool Ledger::settle(milliseconds most, std::uint64_t since) {
    if (!up_) return false;
    std::unique_lock lock(mutex_);
    const auto enough = since + 2;
    return settled_.wait_for(
        lock, most, [&] { return rounds_ >= enough || (asleep_ && !anything()) || stopping_; });
}

// Lets more rows come, so that they are written together.
void Ledger::gather() {
    const auto left = waiting_since_ + kGroup - Clock::now();
    if (left.count() > 0 && anything() && room_.used() < room_.most() / 4) pause(left);
}

// False: it is time to end.
bool Ledger::pause(Clock::duration time) {
    std::unique_lock lock(mutex_);
    return !wake_.wait_for(lock, time, [this] { return stopping_; });
}

void Ledger::run() {
    Batch batch;
    tidy_at_ = Clock::now() + settings_.tidy_pause;
    for (;;) {
        wait_for_rows();
        gather();
        const bool following = follows();
        waiting_since_ = Clock::now();
        for (const auto& mailbox : mailboxes_) mailbox->take(batch);
        if (following) settings_.follower->prepare();
        const bool any = !batch.empty();
        const bool going_on = !any || write(batch);
        recycle(batch);
        if (following && going_on) settings_.follower->look();
        if (any && settings_.follower != nullptr) settings_.follower->written(false);
        note_losses(false);
        tell_of_losses();
        if (!going_on) break;
        if (Clock::now() >= tidy_at_) tidy();
        look_for_others();
        const std::lock_guard lock(mutex_);
        ++rounds_;
        settled_.notify_all();
        if (stopping_ && !anything()) break;
    }
    for (const auto& mailbox : mailboxes_) mailbox->take(batch);
    for (const auto& chunk : batch) lost_ += chunk.rows();
    recycle(batch);
    note_losses(fault_ != Fault::none);
    tell_of_losses(true);
}

bool Ledger::follows() const {
    if (settings_.follower == nullptr || !read_) return false;
    const auto due = settings_.follower->due();
    return due && *due <= Clock::now();
}

// Another process may write too: the one that this one takes over from, until it has finished. And
// the file may have been out of reach at the start. Whether there is something is asked with each
// batch, for that costs next to nothing; and often, while somebody is about.
void Ledger::look_for_others() {
    const auto now = Clock::now();
    if (!read_ && now < look_at_) return;
    // Asked first: what one that has ended by now had written is seen below.
    const bool predecessor = settings_.predecessor_lives && settings_.predecessor_lives();
    if (!read_ && open_store() == Fault::none && read_counters() == Fault::none) note_up();
    if (read_) open_store();  // it may have been removed
    if (read_ && store_->changed_elsewhere()) {
        read_counters();
        others_until_ = now + kOthersAbout;
        if (settings_.follower != nullptr) settings_.follower->written(true);
    }
    const bool about = predecessor || now < others_until_;
    look_at_ = now + (!read_ ? kLongestRetry : about ? kLook : kOthersPause);
    const auto due = settings_.follower != nullptr ? settings_.follower->due() : std::nullopt;
    if (read_ && due) look_at_ = std::min(look_at_, std::max(*due, now));
}

Fault Ledger::read_counters() {
    std::vector<Counter> all;
    const auto fault = store_->counters(all);
    if (fault != Fault::none) return fault;
    read_ = true;
    std::vector<Counter> grown;
    for (auto& counter : all) {
        const auto others = counter.value - counter.own;
        auto& told = others_[{counter.name, counter.labels}];
        if (others <= told) continue;
        counter.value = others - std::exchange(told, others);
        grown.push_back(std::move(counter));
    }
    if (settings_.grown && !grown.empty()) settings_.grown(grown);
    return Fault::none;
}

// Writes until it has been written. False: the end came first, and the rows are lost.
bool Ledger::write(Batch& batch) {
    std::size_t rows = 0;
    for (const auto& chunk : batch) rows += chunk.rows();
    for (auto delay = kFirstRetry;; delay = std::min(2 * delay, kLongestRetry)) {
        auto fault = open_store();
        if (fault == Fault::none) fault = store_->write(batch);
        if (fault == Fault::none) {
            written_ += rows;
            note_losses(fault_ != Fault::none);
            note_up();
            return true;
        }
        if (fault == Fault::corrupt && replace_corrupt()) continue;
        note_down(fault);
        note_losses(true);
        tell_of_losses();
        if (pause(delay)) continue;
        std::unique_lock lock(mutex_);
        if (Clock::now() >= end_by_) {
            lost_ += rows;
            note_losses(true);
            return false;
        }
        lock.unlock();
        std::this_thread::sleep_for(kFirstRetry);
    }
}

void Ledger::recycle(Batch& batch) {
    std::size_t next = 0;
    for (auto& chunk : batch) mailboxes_[next++ % mailboxes_.size()]->recycle(std::move(chunk));
    batch.clear();
    if (batch.capacity() > 64) Batch().swap(batch);
}

// One step. True: there is more to forget.
bool Ledger::forget() {
    const auto keep = keep_.load();
    if (keep.count() == 0 || open_store() != Fault::none) return false;
    const auto verdict = retention_.look(settings_.now(), keep);
    if (verdict.leapt.count() > 0) tell_of_leap(verdict);
    bool more = false;
    if (!verdict.before) return false;
    // A fault will be met again by what has to be written, and said then.
    const auto fault = store_->forget(verdict.before->time_since_epoch().count(), more);
    return more && fault == Fault::none;
}

void Ledger::tell_of_leap(const Retention::Verdict& verdict) const {
    const auto since =
        verdict.leapt + (verdict.at_start ? Retention::kEvenly : std::chrono::hours(0));
    const auto hours = std::to_string(std::chrono::round<std::chrono::hours>(since).count());
    const std::string waits =
        "what is older than `keep` is forgotten only when the clock has gone on evenly for an hour";
    if (verdict.at_start) {  // most often the daemon was not running
        tell(false, "clock_leapt",
             "the ledger's newest row, the last hour left aside, is " + hours +
                 " hours old: " + waits);
        return;
    }
    tell(true, "clock_leapt",
         "the clock is " + hours + " hours ahead of where it was: " + waits +
             ". If it is wrong, set it right before");
}

// When nothing has come for a while, or in between.
void Ledger::tidy() {
    const bool more = forget();
    if (!more && !anything()) {
        store_->rest();
        for (const auto& mailbox : mailboxes_) mailbox->shrink();
    }
    tidy_at_ = Clock::now() + (more ? kTidyStep : settings_.tidy_pause);
}

bool Ledger::replace_corrupt() {
    const auto now = Clock::now();
    if (aside_at_ != Clock::time_point{} && now - aside_at_ < kBetweenReplacements) return false;
    const auto why = store_->why();
    const auto place = store_->set_aside();
    if (place.empty()) return false;
    aside_at_ = now;
    tell(true, "ledger_replaced",
         "the ledger " + store_->place() + " is corrupt (" + why + "): it is kept as " + place +
             ", and a new one begun");
    return true;
}

void Ledger::note_up() {
    up_ = true;
    if (fault_ != Fault::none) tell(false, "ledger_up", "the ledger is written again");
    fault_ = Fault::none;
}

void Ledger::note_down(Fault fault) {
    up_ = false;
    if (fault == fault_) return;
    fault_ = fault;
    std::string message = "the ledger " + store_->place() + " cannot be written (";
    message.append(name_of(fault)).append("): ").append(store_->why());
    message += "; what happens is kept in memory meanwhile";
    const auto advice = advice_for(fault);
    if (!advice.empty()) message.append(". ").append(advice);
    tell(true, "ledger_down", std::move(message));
}

// What has been lost since the last look is put down to what is the matter now.
void Ledger::note_losses(bool unwritable) {
    const auto fresh = lost_ - lost_unwritable_ - lost_hurried_;
    (unwritable ? lost_unwritable_ : lost_hurried_) += fresh;
}

// The first at once, then as they double or a minute has passed.
void Ledger::tell_of_losses(bool at_the_end) {
    const auto lost = lost_unwritable_ + lost_hurried_;
    if (lost == losses_told_) return;
    const bool due = lost >= 2 * losses_told_ || Clock::now() - losses_told_at_ > kBetweenLosses;
    if (!due && !at_the_end) return;
    losses_told_ = lost;
    losses_told_at_ = Clock::now();
    std::string message = std::to_string(lost) + " rows of the ledger are lost since the start";
    auto cause = [&message, first = true](std::uint64_t n, std::string_view why) mutable {
        if (n == 0) return;
        message.append(first ? ": " : ", ").append(std::to_string(n)).append(why);
        first = false;
    };
    cause(lost_unwritable_, " because the ledger could not be written");
    cause(lost_hurried_, " because they came faster than the disk takes them");
    tell(true, "ledger_lost", std::move(message));
}

void Ledger::tell(bool bad, std::string_view event, std::string message) const {
    if (settings_.tell) settings_.tell({bad, event, std::move(message)});
}

}  // namespace understudy::ledger
