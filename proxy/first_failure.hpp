// What the client gets when all attempts have failed: what the first of them said, or why it said
// nothing, with the names of all that were tried.
#pragma once

#include "proxy/lane.hpp"
#include "proxy/local_error.hpp"
#include "upstreams/attempt.hpp"

#include <optional>
#include <string>

namespace understudy::proxy {

class FirstFailure {
  public:
    /// What is kept of an answer is charged to `budget`, which outlives this.
    explicit FirstFailure(net::MemoryBudget& budget) : kept_(budget) {}

    /// The attempt in `lane` has failed. `first`: it is the one whose error the client gets.
    void note(Lane& lane, bool first);

    /// What was noted last was about our words, in place of which others are sent: whatever comes
    /// of those is the error then.
    void mended() { mended_ = true; }

    /// The upstream has answered, and that answer is what the client gets: head() and body().
    bool answered() const { return answered_ && !ours(); }
    const upstreams::AnswerHead& head() const { return head_; }
    const std::string& body() const { return body_; }
    /// Otherwise this.
    LocalError local() const;
    /// Then its answer, of which the words are not to be had, may still have said when to come
    /// back: these fields of its head.
    std::string limit_fields() const;
    /// The upstream has refused the key that is configured for it, which no client can mend.
    bool of_our_key() const { return of_our_key_; }

    /// A limit of this process ended the chain, or kept the first entry from being asked at all.
    bool ours() const { return short_of_something_ || places_taken_; }
    /// It was the upstream's doing, and not what the client asked for.
    bool transient() const;
    const std::string& upstream() const { return upstream_; }
    const std::string& model() const { return model_; }

  private:
    void keep_answer(const upstreams::Attempt& attempt);
    void translate(const Translated& way_back);
    void disguise_as_error(const upstreams::Attempt& attempt);
    LocalError shortage() const;

    bool answered_ = false;
    bool mended_ = false;
    bool of_our_key_ = false;
    upstreams::AnswerHead head_;
    std::string body_;
    std::string upstream_;
    std::string model_;
    wire::FailureClass failure_ = wire::FailureClass::none;
    bool deadline_hit_ = false;
    bool places_taken_ = false;
    bool short_of_something_ = false;  // the last attempt met a limit of this process
    std::optional<std::chrono::milliseconds> retry_after_;
    net::MemoryCharge kept_;
    bool garbled_ = false;  // it has said something that cannot be passed on
    std::string first_words_;
    std::string tried_;
    std::string detail_;
};

}  // namespace understudy::proxy
