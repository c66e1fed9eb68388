// What an exchange needs to go on with a stream that broke: the transcript of what the client has,
// how each entry of the chain may be asked for the rest, and the rest as events of the one stream.
// One per committed stream on a route with `midstream: continue`; belongs to its exchange. All of
// it is in the words of the client's API, which rescue::Dialect knows.
#pragma once

#include "net/bytes.hpp"
#include "net/socket.hpp"
#include "proxy/course.hpp"
#include "proxy/inbound.hpp"
#include "proxy/owned_request.hpp"
#include "proxy/rescue/dialect.hpp"
#include "proxy/runtime.hpp"
#include "wire/sse.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace understudy::proxy {

class Rescuer {
  public:
    /// `dialect`: of the request's answer. All other arguments outlive this.
    Rescuer(std::unique_ptr<rescue::Dialect> dialect, const Inbound& request,
            const Runtime& runtime, net::MemoryBudget& budget);

    /// The stream is translated from another API than the client's.
    void translated() { told().doubt_start(); }
    /// These bytes go to the client.
    void sent(const net::GatherList& data);
    void sent(std::string_view text);
    /// What the first upstream has reported by the time its stream breaks.
    void reported(const wire::Usage& usage) { told().note_prompt(usage); }
    /// The stream cannot be followed, and so not be gone on with. `why` is static text.
    void give_up(const char* why) { told().give_up(why); }

    /// What the client has of it as its last word, where its API wants that; see Transcript. It
    /// stays until the next call, and is charged for together with the event that says it. Empty
    /// also where there is no memory for them.
    std::string_view failed(std::string_view error);

    /// It broke: whether anybody may go on, by what was asked and sent.
    bool possible();
    /// How this entry would; none: not at all. `tried`: in vain, so that a way below it is asked
    /// for.
    Rung rung_at(const RuntimeEntry& entry, std::string_view model, Rung tried = Rung::none) const;
    /// The body that asks this entry for the rest of what was asked with `body`; null: there is no
    /// memory for it. `unsealed`: it has refused the thoughts of earlier turns.
    const OwnedRequest* ask(const RuntimeEntry& entry, Rung rung, bool unsealed,
                            std::string_view body);

    /// An answer to that has begun. `why`: the class by which the one before it broke.
    void begin(Rung rung, std::string_view upstream, std::string_view model, std::string_view why);
    /// Its events become those of the one stream. `ended`: properly, so that what is left is its
    /// last event. The text is the client's next piece; it stays until the next call.
    std::string_view take(const net::GatherList& data, bool ended);
    /// There was no memory for them: nothing of the last ones was told, and no more is taken.
    bool starved() const { return starved_; }
    /// It is another answer than the one that was begun: this rescue has failed.
    bool diverged() const;
    /// An event of it cannot be placed, or not be read: this rescue has failed, too.
    bool lost() const;
    /// Its finish has been passed on.
    bool finished() const;
    /// Behind begin(): events that the client has been told of the whole stream, where they are
    /// numbered.
    std::uint64_t events() const { return continuation_->events(); }

  private:
    std::size_t bytes() const;
    void charge();
    std::string_view starve();

    rescue::Transcript& told() const { return dialect_->transcript(); }
    const rescue::Wishes& wishes() const { return dialect_->wishes(request_.body, request_.facts); }

    std::unique_ptr<rescue::Dialect> dialect_;
    const Inbound& request_;
    const Runtime& runtime_;
    rescue::Rungs allowed_;
    std::unique_ptr<OwnedRequest> asked_;
    std::unique_ptr<rescue::Continuation> continuation_;
    wire::SseScanner scanner_;
    std::string events_;  // of the entry that goes on, not looked at yet
    std::string out_;
    bool starved_ = false;
    net::MemoryCharge charge_;
};

}  // namespace understudy::proxy
