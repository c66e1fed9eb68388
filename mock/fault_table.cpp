// The faults as --help, /control/faults and docs/mock.md list them.
#include "mock/faults.hpp"

#include <array>

namespace understudy::mock {
namespace {

constexpr std::array kTable{
    FaultHelp{"ok", "the sixty words; any name not listed here does the same"},
    FaultHelp{"<status>", "an error with this status, always: 429, 503, 401, 529 ..."},
    FaultHelp{"<status>-retry-<time>", "the same with retry-after"},
    FaultHelp{"<status>-once", "the first request with this name fails, then well"},
    FaultHelp{"<status>-once-retry-<time>", "the same with retry-after: 429-once-retry-2s"},
    FaultHelp{"quota", "429 insufficient_quota"},
    FaultHelp{"context-length", "400 context_length_exceeded"},
    FaultHelp{"content-filter", "400 content_policy_violation"},
    FaultHelp{"no-prefill", "400 when the last message is the assistant's, else well"},
    FaultHelp{"starts-over", "all sixty words, also when the beginning is there already"},
    FaultHelp{"flap-<time>", "503 for this long from the first request on, then well"},
    FaultHelp{"reset", "connection reset before any response byte"},
    FaultHelp{"close", "connection closed before any response byte"},
    FaultHelp{"silent", "accepts the request and says nothing for 120 s"},
    FaultHelp{"late-<time>", "silence before the response head"},
    FaultHelp{"slow-<time>", "head at once, first word after this; plain: all after this"},
    FaultHelp{"cut-<n>", "closes after n words; plain: after 60 % of the declared body"},
    FaultHelp{"reset-<n>", "like cut, with a connection reset"},
    FaultHelp{"torn-<n>", "like cut, in the middle of the event behind n words"},
    FaultHelp{"stall-<n>", "30 s of silence after n words, then closes; plain: after the head"},
    FaultHelp{"malformed-<n>",
              "the n-th word is preceded by an event that is not JSON; plain: "
              "a body that is not JSON"},
    FaultHelp{"checksum-<n>",
              "Bedrock: the n-th word is preceded by a message with a wrong "
              "checksum; elsewhere like malformed"},
    FaultHelp{"prelude-<n>", "the same with a wrong checksum of its lengths"},
    FaultHelp{"truncated-json", "JSON that ends in the middle, framed properly"},
    FaultHelp{"no-choices", "JSON without choices (output, data, content, candidates)"},
    FaultHelp{"empty", "200 and no body"},
    FaultHelp{"html", "200 and a web page"},
    FaultHelp{"error-in-200", "200 and an error object, streamed or not"},
    FaultHelp{"error-event-first", "a stream whose first event is an error"},
    FaultHelp{"error-event-<n>", "an error event after n words"},
    FaultHelp{"no-done", "a whole stream without [DONE] (message_stop, metadata)"},
    FaultHelp{"no-usage", "token counts are never reported"},
    FaultHelp{"slow-drip", "slow but alive: a word each 500 ms, every write in small pieces"},
    FaultHelp{"drip-<time>", "this long from event to event"},
    FaultHelp{"rate-<n>", "n events per second"},
    FaultHelp{"long-<n>", "n words instead of sixty"},
    FaultHelp{"lean", "events of about 100 bytes"},
    FaultHelp{"byte-by-byte", "each byte of the body is a write of its own"},
    FaultHelp{"head-drip", "head and body one byte each 20 ms"},
    FaultHelp{"tools", "a tool call instead of words"},
    FaultHelp{"reasoning", "twenty words of thoughts first"},
    FaultHelp{"echo", "the content is the request body as it was received"},
    FaultHelp{"gzip", "content-encoding: gzip without being asked"},
    FaultHelp{"redirect", "307 to another host"},
    FaultHelp{"100-continue", "an unasked 100 before the answer"},
    FaultHelp{"early-hints", "a 103 before the answer"},
    FaultHelp{"close-delimited", "neither length nor chunks: the end of connection ends the body"},
    FaultHelp{"keep-alive-close", "promises keep-alive and closes after the answer"},
    FaultHelp{"<name>-once", "any of them for the first request only: reset-once, cut-40-once"},
    FaultHelp{"<name>+<name>", "together: slow-2s+cut-40, long-1000+rate-100"},
};

}  // namespace

std::span<const FaultHelp> fault_table() {
    return kTable;
}

}  // namespace understudy::mock
