// A question to the ledger that a worker's coroutine waits for while another thread reads: who asks
// may go at any time, and is then told nothing.
#pragma once

#include "net/task.hpp"
#include "proxy/reading_room.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace understudy::proxy {

/// Made, asked and looked at on the worker's thread.
template <class Reply>
class Question {
  public:
    Question() : pending_(std::make_shared<Pending>()) {}
    ~Question() { pending_->wanted = false; }
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;

    /// Has `look` answer in the room's thread; `signal`, which outlives this, is then raised.
    /// False: too many questions wait.
    template <class Look>
    bool ask(ReadingRoom& room, boost::asio::io_context& io, net::Signal& signal, Look look) {
        return room.ask([pending = pending_, &io, raise = &signal, look = std::move(look)] {
            boost::asio::post(io, [pending, raise, reply = look()]() mutable {
                if (!pending->wanted) return;
                pending->reply = std::move(reply);
                pending->over = true;
                raise->notify();
            });
        });
    }
    bool over() const { return pending_->over; }
    const Reply& reply() const { return pending_->reply; }

  private:
    /// Shared by who asks and who answers; only the worker's thread looks into it.
    struct Pending {
        Pending() = default;
        bool wanted = true;
        bool over = false;
        Reply reply;
    };
    std::shared_ptr<Pending> pending_;
};

}  // namespace understudy::proxy
