// A thread of its own for questions to the ledger: they may wait for the disk, and no worker does.
// The thread starts with the first question. Any thread may ask.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace understudy::proxy {

class ReadingRoom {
  public:
    /// Questions that may wait at once: who asks more often gets no answer.
    static constexpr std::size_t kMostWaiting = 32;

    explicit ReadingRoom(std::size_t most_waiting = kMostWaiting) : most_waiting_(most_waiting) {}
    ~ReadingRoom() { close(); }
    ReadingRoom(const ReadingRoom&) = delete;
    ReadingRoom& operator=(const ReadingRoom&) = delete;

    /// Has `question` run in the room's thread. False: too many wait, or it is closed.
    bool ask(std::function<void()> question);
    /// Waits for the question under way; the others are not asked any more.
    void close();

  private:
    void run();

    const std::size_t most_waiting_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> questions_;
    bool closed_ = false;
    std::thread thread_;
};

}  // namespace understudy::proxy
