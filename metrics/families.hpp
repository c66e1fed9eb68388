// Every metric this program has: name, type, unit and help text. The names are an interface
// (docs/metrics.md); tests/ops checks that documentation and dashboard use
// no other.
#pragma once

#include "metrics/text.hpp"

namespace understudy::metrics::families {

using enum FamilyType;

inline constexpr Family kRequests{"understudy_requests_total", counter, "",
                                  "Requests answered, by route and how they ended."};
inline constexpr Family kAttempts{"understudy_attempts_total", counter, "",
                                  "Attempts at an upstream, by result: ok or a failure class."};
inline constexpr Family kFailovers{"understudy_failovers_total", counter, "",
                                   "Moves from one chain entry to the next, and why."};
inline constexpr Family kStaleReplays{
    "understudy_stale_replays_total", counter, "",
    "Requests sent again because a kept connection had been closed while it was idle."};
inline constexpr Family kBreakerState{
    "understudy_breaker_state", gauge, "",
    "State of the breaker: 0 closed, 1 half open, 2 open, 3 down until a reload."};
inline constexpr Family kBreakerOpened{"understudy_breaker_opened_total", counter, "",
                                       "How often the breaker has opened."};
inline constexpr Family kSkipped{"understudy_skipped_total", counter, "",
                                 "Times that a request passed over an entry because it rests."};
inline constexpr Family kKeyState{
    "understudy_key_state", gauge, "",
    "State of a key of a pool, by its position: 0 in use, 1 resting, 2 retired until a reload."};
inline constexpr Family kExtrasRefused{
    "understudy_extra_attempts_refused_total", counter, "",
    "Attempts that were not made because retry_budget was used up, by what they would have been."};
inline constexpr Family kKeyDenied{
    "understudy_key_denied_total", counter, "",
    "Requests that a limit of their key kept from being sent, by limit."};
inline constexpr Family kKeyBudget{"understudy_key_budget_usd", gauge, "usd",
                                   "What a key may spend in a day or a month."};
inline constexpr Family kKeyBudgetLeft{
    "understudy_key_budget_left_usd", gauge, "usd",
    "What is neither spent of it nor held for requests under way."};
inline constexpr Family kSessionDenied{
    "understudy_session_budget_denied_total", counter, "",
    "Requests that the budget of their session kept from being sent."};
inline constexpr Family kTokens{"understudy_tokens_total", counter, "",
                                "Tokens of all attempts; the types are disjoint."};
inline constexpr Family kCost{"understudy_cost_usd_total", counter, "usd",
                              "Cost of all attempts whose model has a price, in US dollars."};
inline constexpr Family kUsageMissing{
    "understudy_usage_missing_total", counter, "",
    "Attempts whose answer came to its end without reporting usage."};
inline constexpr Family kUnpriced{
    "understudy_unpriced_total", counter, "",
    "Attempts with tokens that no price is known for, so that no sum has their cost."};
inline constexpr Family kRequestDuration{
    "understudy_request_duration_seconds", histogram, "seconds",
    "Time from a request read to its answer sent, failovers included."};
inline constexpr Family kAttemptDuration{"understudy_attempt_duration_seconds", histogram,
                                         "seconds", "Time of one attempt at an upstream."};
inline constexpr Family kFirstToken{
    "understudy_time_to_first_token_seconds", histogram, "seconds",
    "Time from the request sent upstream to the first content or tool delta."};
inline constexpr Family kOverhead{"understudy_overhead_seconds", histogram, "seconds",
                                  "Time a request spent here and not waiting for upstreams."};
inline constexpr Family kHedges{"understudy_hedges_total", counter, "",
                                "Hedges: second attempts beside a slow one, by what became of it."};
inline constexpr Family kHedgeTokens{
    "understudy_hedge_wasted_tokens_total", counter, "",
    "Tokens of attempts that were dropped because another one answered first."};
inline constexpr Family kLedgerUp{"understudy_ledger_up", gauge, "",
                                  "Whether the ledger can be written."};
inline constexpr Family kLedgerRows{"understudy_ledger_rows_total", counter, "",
                                    "Rows for the ledger, by what became of them."};
inline constexpr Family kLedgerWaiting{"understudy_ledger_waiting_bytes", gauge, "bytes",
                                       "Memory of rows that wait to be written."};
inline constexpr Family kInflight{"understudy_inflight_requests", gauge, "",
                                  "Requests being served."};
inline constexpr Family kConnections{"understudy_connections", gauge, "",
                                     "Open connections of clients."};
inline constexpr Family kConnectionsRefused{
    "understudy_connections_refused_total", counter, "",
    "Connections of clients refused because limits.connections was reached."};
inline constexpr Family kUpstreamConnections{"understudy_upstream_connections", gauge, "",
                                             "Open connections to upstreams, by state."};
inline constexpr Family kBuildInfo{"understudy_build_info", info, "",
                                   "Version and commit of the running program."};
inline constexpr Family kReloads{"understudy_config_reloads_total", counter, "",
                                 "Reloads of the configuration since the start, by result."};

inline constexpr Family kGenAiTokens{"gen_ai_client_token_usage", histogram, "",
                                     "Number of input and output tokens used."};
inline constexpr Family kGenAiDuration{"gen_ai_client_operation_duration_seconds", histogram,
                                       "seconds", "GenAI operation duration."};
inline constexpr Family kGenAiFirstToken{"gen_ai_server_time_to_first_token_seconds", histogram,
                                         "seconds", "Time to generate first token."};

inline constexpr Family kProcessCpu{"process_cpu_seconds_total", counter, "seconds",
                                    "User and system CPU time spent."};
inline constexpr Family kProcessResident{"process_resident_memory_bytes", gauge, "bytes",
                                         "Resident memory size."};
inline constexpr Family kProcessVirtual{"process_virtual_memory_bytes", gauge, "bytes",
                                        "Virtual memory size."};
inline constexpr Family kProcessOpenFds{"process_open_fds", gauge, "",
                                        "Number of open file descriptors."};
inline constexpr Family kProcessMaxFds{"process_max_fds", gauge, "",
                                       "Maximum number of open file descriptors."};
inline constexpr Family kProcessStart{"process_start_time_seconds", gauge, "seconds",
                                      "Start time of the process since the Unix epoch."};
inline constexpr Family kProcessThreads{"process_threads", gauge, "",
                                        "Number of threads in the process."};

}  // namespace understudy::metrics::families
