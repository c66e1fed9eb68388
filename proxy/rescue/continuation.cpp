#include "proxy/rescue/continuation.hpp"

#include "proxy/rescue/passed_event.hpp"
#include "wire/chat_chunk.hpp"

namespace understudy::proxy::rescue {

Continuation::State Continuation::feed(std::string_view data, std::string& out) {
    if (failed()) return state_;
    if (wire::is_done_event(data)) {
        end_marker(out);
    } else if (!says_nothing(data) && !event(data, out)) {
        state_ = State::lost;
    }
    return state_;
}

std::string comment_of(const ContinuationOptions& options) {
    std::string out = "understudy rescue ";
    out.append(options.upstream);
    if (!options.model.empty()) out.append("/").append(options.model);
    out.append(" after ").append(options.failure).append(", ").append(name_of(options.rung));
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < ' ') c = ' ';
    }
    return out;
}

}  // namespace understudy::proxy::rescue
