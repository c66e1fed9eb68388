// What the ledger keeps of an attempt and of a request: values of numbers and views. Who hands one
// over keeps the text until put() has returned; who reads one out of a batch has it as long as the
// batch. No prompt, no answer, no key, no address of a client is among them.
#pragma once

#include <cstdint>
#include <string_view>

namespace understudy::ledger {

/// Tokens as they are counted everywhere: disjoint, so that their sum is what was processed.
struct Tokens {
    std::uint64_t input = 0, cache_read = 0, cache_write = 0, output = 0, reasoning = 0;
    std::uint64_t prompt() const { return input + cache_read + cache_write; }
    std::uint64_t completion() const { return output + reasoning; }
    std::uint64_t total() const { return prompt() + completion(); }
    bool operator==(const Tokens&) const = default;
};

/// How the figures of an attempt are known.
enum class UsageKind : std::uint8_t {
    none,       // there was nothing to count
    reported,   // the upstream said so
    estimated,  // it did not, and was cut off
    both,       // it said a part, and the rest is a guess
    missing,    // it ended well and did not say
};

/// One attempt that is over.
struct AttemptRow {
    std::string_view request;      // its id
    std::uint64_t request_no = 0;  // the same as in its request's row, and of no other request
    std::string_view session;      // empty: none
    std::string_view route, key;
    std::string_view upstream;
    std::string_view model;     // asked for there
    std::string_view answered;  // model that answered, as the upstream names it
    std::string_view dialect, reason, cause;
    std::string_view tier;        // of service, as the answer names it
    std::string_view price;       // version of the price; empty: none is known
    std::string_view detail;      // of a failure, keys masked
    std::string_view label;       // the model's in the metrics,
    std::string_view operation;   // and what it was asked to do
    std::string_view moved_from;  // the upstream whose failure led here; empty: none did
    std::string_view moved_why;   // and its class
    std::int64_t ended_us = 0;    // since 1970
    std::int64_t total_us = 0;
    std::int64_t first_token_us = -1;  // negative: none came
    std::uint64_t bytes_sent = 0, bytes_received = 0;
    Tokens tokens;                                            // as reported
    std::uint64_t estimated_input = 0, estimated_output = 0;  // beside those
    std::int64_t cost_nano_usd = 0, estimated_cost_nano_usd = 0;
    std::uint32_t number = 1;    // of its request's attempts, in the order in which they began
    std::uint32_t position = 0;  // of its entry in the chain
    std::uint32_t status = 0;
    std::uint32_t deliveries = 0;
    UsageKind usage = UsageKind::none;
    bool unpriced = false;   // there are tokens, and no price for them
    bool hedge = false;      // it began beside another one that was slow,
    bool hedge_won = false;  // and answered first
    bool overtaken = false;  // another one answered first
};

/// One request that is over; its attempts have rows of their own, before this one.
struct RequestRow {
    std::string_view request;  // its id, which several may share: a client may have chosen it
    std::uint64_t no = 0;      // which is this one's alone; below 2^63
    std::string_view session, route, key;
    std::string_view path;   // of the endpoint, without a query
    std::string_view model;  // asked for by the client
    std::string_view outcome;
    std::string_view code;  // of an error made here
    std::string_view served_by, served_model;
    std::int64_t ended_us = 0;
    std::int64_t total_us = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t prompt_tokens = 0, completion_tokens = 0;  // of all attempts, guesses included
    std::int64_t cost_nano_usd = 0;                          // the same
    std::uint32_t status = 0;                                // sent to the client; 0: none
    std::uint32_t attempts = 0;
    bool given = false;  // a client chose the id
    bool stream = false;
    bool broken = false;  // the answer had begun, and then broke
};

/// Calls `visit` with every text of a row, in one order.
template <class Visit>
void for_each_text(AttemptRow& row, Visit&& visit) {
    visit(row.request);
    visit(row.session);
    visit(row.route);
    visit(row.key);
    visit(row.upstream);
    visit(row.model);
    visit(row.answered);
    visit(row.dialect);
    visit(row.reason);
    visit(row.cause);
    visit(row.tier);
    visit(row.price);
    visit(row.detail);
    visit(row.label);
    visit(row.operation);
    visit(row.moved_from);
    visit(row.moved_why);
}
template <class Visit>
void for_each_text(RequestRow& row, Visit&& visit) {
    visit(row.request);
    visit(row.session);
    visit(row.route);
    visit(row.key);
    visit(row.path);
    visit(row.model);
    visit(row.outcome);
    visit(row.code);
    visit(row.served_by);
    visit(row.served_model);
}

}  // namespace understudy::ledger
