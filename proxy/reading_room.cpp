#include "proxy/reading_room.hpp"

#include <utility>

namespace understudy::proxy {

bool ReadingRoom::ask(std::function<void()> question) {
    const std::lock_guard lock(mutex_);
    if (closed_ || questions_.size() >= most_waiting_) return false;
    questions_.push_back(std::move(question));
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    wake_.notify_one();
    return true;
}

void ReadingRoom::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        questions_.clear();
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void ReadingRoom::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return closed_ || !questions_.empty(); });
        if (closed_) return;
        const auto question = std::move(questions_.front());
        questions_.pop_front();
        lock.unlock();
        question();
        lock.lock();
    }
}

}  // namespace understudy::proxy
