// A request that is put to an upstream in another API than the client's, and the way back of its
// answer. Belongs to the lane that asks: each attempt has its own. Decisions about words are those
// of dialects/; here are the bytes, their memory, and what the upstream is known to take.
#pragma once

#include "dialects/translate.hpp"
#include "net/bytes.hpp"
#include "net/socket.hpp"
#include "proxy/inbound.hpp"
#include "proxy/owned_request.hpp"
#include "upstreams/attempt.hpp"
#include "wire/failure.hpp"
#include "wire/sse.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace understudy::proxy {

struct LaneSpec;
class Runtime;

class Translated final : public upstreams::AnswerCheck {
  public:
    /// Translates at once. `model`: as it is called there. All arguments outlive this.
    Translated(const LaneSpec& lane, const Inbound& request, Runtime& runtime,
               std::string_view model);

    /// Makes `spec` ask in the upstream's words, or not at all: the request is wrong in its own
    /// API, or cannot be said in the other one, or there is no memory for it.
    void put_into(upstreams::AttemptSpec& spec);

    /// These bytes of the upstream's stream, whole events, in the client's words; empty when they
    /// say nothing to it. `ended`: they are the last of an answer that ended well. The text stays
    /// until the next call.
    /// `known`: all that is JSON in them has been found to be well-formed.
    std::string_view take(const net::GatherList& data, bool ended, bool known);
    /// Why the stream cannot be gone on with: limits.memory has refused what was taken last, or it
    /// was no event of this API. Null: it can.
    const char* trouble() const { return trouble_; }
    /// Translates a whole answer: what of it cannot be told in the client's words makes it none.
    const char* problem(std::string_view body) override;
    /// The answer that has come through that.
    std::string_view whole() const { return out_; }
    /// How the same is to be asked in place of what this error refuses, with all that was done so
    /// already; nothing: there is nothing to be done about it, or it would be the same again.
    dialects::Repairs repairs_for(std::string_view error_body);
    /// What this request has had to be put otherwise for this entry.
    const dialects::Repairs& mended() const { return mended_; }
    /// The upstream's error, as a body.
    std::string error(std::string_view body, const wire::ErrorCause& cause) const;
    /// The data of its error event in a stream that has begun, as an event.
    std::string error_event(std::string_view data);
    /// The client has been told of an error in its stream.
    bool told_error() const { return way_back_->told_error(); }
    /// Events told so far, where the client's API numbers them.
    std::uint64_t events() const { return way_back_->events(); }

    /// Makes the head of the upstream's answer that of ours. `events`: of a stream.
    static void adapt(upstreams::AnswerHead& head, bool events);
    /// Members of the request that were lost on the way, harmlessly, and what is in the answer so
    /// far that cannot be told: "top_k, user, inlineData"; or empty.
    std::string dropped() const;

  private:
    bool charge();
    bool says_otherwise(const dialects::Repairs& repairs);
    void take_repeats(std::string_view& rest);

    std::unique_ptr<dialects::Translation> way_back_;
    dialects::Outgoing outgoing_;
    OwnedRequest asked_;
    dialects::Ask ask_;        // what is put so, and to whom
    dialects::Target target_;  // with the repairs that are made in it
    dialects::Repairs mended_;
    bool lowered_ = false;  // the limit of tokens, in this request
    std::string client_key_;
    wire::FailureClass refused_ = wire::FailureClass::none;
    std::string because_;
    bool asks_usage_ = false;
    const char* trouble_ = nullptr;
    const bool tells_it_again_;  // its last event repeats all of the answer
    const bool reads_comments_;  // Google's own libraries take a comment for a broken event
    std::size_t told_ = 0;       // bytes of the answer, where that is so
    wire::SseScanner scanner_;
    std::string out_;
    net::MemoryCharge charge_;
};

}  // namespace understudy::proxy
