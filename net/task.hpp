// The two coroutine pieces everything here is written with: Task, a lazily started coroutine that
// its awaiter owns, and Signal, the single thing a coroutine sleeps on.
//
// Why not asio::awaitable: a session waits for several things at once (its client, its upstream, a
// deadline), and with awaitable each wait is a cancellable operation of its own. Here every I/O
// completion merely records what happened and raises the session's Signal; the coroutine wakes,
// looks at the facts and decides. Nothing to cancel, nothing to lose, one frame resume per event.
//
// Rule of the house (g++ 12.2 destroys some temporaries twice): an expression with co_await
// contains only names, calls and std::move.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <utility>

namespace understudy::net {

template <class T>
class Task;

namespace detail {

/// Memory of coroutine frames, kept per thread and by size: a request makes about fifteen of them,
/// always the same ones. Bounded; what is too large or too much goes to the heap.
void* take_frame(std::size_t size);
void give_frame(void* frame, std::size_t size) noexcept;

struct PromiseBase {
    static void* operator new(std::size_t size) { return take_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { give_frame(frame, size); }

    std::coroutine_handle<> continuation = std::noop_coroutine();
    std::exception_ptr error;

    struct FinalAwaiter {
        bool await_ready() const noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) const noexcept {
            return h.promise().continuation;
        }
        void await_resume() const noexcept {}
    };
    std::suspend_always initial_suspend() const noexcept { return {}; }
    FinalAwaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
    std::optional<T> value;
    Task<T> get_return_object() noexcept;
    void return_value(T v) { value.emplace(std::move(v)); }
    T take() {
        if (error) std::rethrow_exception(error);
        return std::move(*value);
    }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() const {
        if (error) std::rethrow_exception(error);
    }
};

}  // namespace detail

/// A coroutine that starts when it is awaited and resumes its awaiter when it ends. Move-only; owns
/// its frame: destroying a Task destroys a suspended coroutine with everything in it.
template <class T = void>
class [[nodiscard]] Task {
  public:
    using promise_type = detail::Promise<T>;

    explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&&) = delete;
    Task(const Task&) = delete;
    ~Task() {
        if (handle_) handle_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
        handle_.promise().continuation = awaiter;
        return handle_;
    }
    T await_resume() { return handle_.promise().take(); }

    // A task that runs beside its owner, which then sleeps on AnyOf and may drop it in any state.
    /// Runs to its first wait. Once.
    void start() { handle_.resume(); }
    bool done() const { return handle_.done(); }
    /// Who is resumed at its end; null: nobody.
    void set_continuation(std::coroutine_handle<> next) {
        handle_.promise().continuation = next ? next : std::noop_coroutine();
    }
    /// Of a task that is done: rethrows what it ended with.
    void finish() { static_cast<void>(handle_.promise().take()); }

  private:
    std::coroutine_handle<promise_type> handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
    return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
    return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// A coroutine nobody awaits; frees itself at the end. Exceptions must have been caught inside.
struct Detached {
    struct promise_type {
        Detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    };
};
inline Detached run_detached(Task<void> task) {
    co_await std::move(task);
}
}  // namespace detail

/// Starts `task` now and lets it live on its own. It must not end with an exception.
inline void spawn(Task<void> task) {
    detail::run_detached(std::move(task));
}

/// What one coroutine sleeps on. notify() from any completion of the same thread resumes the
/// sleeper at once (inside the call), or is remembered until the next wait(). Wake-ups may be
/// spurious: always `while (!condition) co_await signal.wait();`. Not thread-safe.
class Signal {
  public:
    void notify() {
        if (waiter_) {
            std::exchange(waiter_, nullptr).resume();
        } else {
            raised_ = true;
        }
    }

    auto wait() noexcept {
        struct Awaiter {
            Signal& signal;
            bool await_ready() const noexcept { return std::exchange(signal.raised_, false); }
            void await_suspend(std::coroutine_handle<> h) const noexcept { signal.waiter_ = h; }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this};
    }

  private:
    friend class AnyOf;
    std::coroutine_handle<> waiter_;
    bool raised_ = false;
};

/// The sleep of a coroutine with tasks beside it: until its own signal is raised or one of them
/// ends. As with Signal a wake-up may be spurious. The sleeper is never resumed from within one of
/// these tasks, so that it may drop any of them.
class AnyOf {
  public:
    /// Null tasks are none. The array outlives the wait.
    AnyOf(Signal& signal, std::span<Task<void>* const> tasks) : signal_(signal), tasks_(tasks) {}
    bool await_ready() const {
        if (std::exchange(signal_.raised_, false)) return true;
        for (const auto* task : tasks_) {
            if (task != nullptr && task->done()) return true;
        }
        return false;
    }
    void await_suspend(std::coroutine_handle<> sleeper) const {
        signal_.waiter_ = sleeper;
        for (auto* task : tasks_) {
            if (task != nullptr) task->set_continuation(sleeper);
        }
    }
    void await_resume() const {
        signal_.waiter_ = nullptr;
        for (auto* task : tasks_) {
            if (task != nullptr && !task->done()) task->set_continuation(nullptr);
        }
    }

  private:
    Signal& signal_;
    std::span<Task<void>* const> tasks_;
};

}  // namespace understudy::net
