#include "upstreams/body_reader.hpp"

#include <algorithm>
#include <cstring>

namespace understudy::upstreams {

BodyReader::BodyReader(const wire::Framing& framing) : framing_(framing), left_(framing.length) {
    complete_ = framing.kind == wire::BodyKind::none ||
                (framing.kind == wire::BodyKind::length && framing.length == 0);
}

bool BodyReader::digest_framing(net::Bytes& in) {
    const std::size_t raw = in.size() - payload_;
    if (raw == 0) return true;
    if (complete_) {
        surplus_ = true;
        in.trim_back(raw);
        return true;
    }
    std::size_t added = raw;
    if (framing_.kind == wire::BodyKind::chunked) {
        std::size_t used = 0;
        if (!chunks_.decode_in_place(in.data() + payload_, raw, added, used)) return false;
        complete_ = chunks_.done();
        surplus_ = used < raw;
    } else if (framing_.kind == wire::BodyKind::length) {
        added = static_cast<std::size_t>(std::min<std::uint64_t>(raw, left_));
        left_ -= added;
        complete_ = left_ == 0;
        surplus_ = added < raw;
    }
    in.trim_back(raw - added);
    payload_ += added;
    total_ += added;
    return true;
}

// In the buffer: text, the message that has begun, and what is new. Messages that are whole now
// become text where they stand, and the next one moves up to it.
bool BodyReader::digest_messages(net::Bytes& in) {
    const std::size_t text = payload_;
    payload_ += begun_;
    if (!digest_framing(in)) return false;
    const auto done = messages_->convert(in.data() + text, payload_ - text);
    begun_ = payload_ - text - done.used;
    payload_ = text + done.text;
    if (begun_ > 0) {  // an empty buffer has no place to move from
        std::memmove(in.data() + payload_, in.data() + text + done.used, begun_);
    }
    in.trim_back(done.used - done.text);
    return messages_->problem() == nullptr && !(complete_ && begun_ > 0);
}

const char* BodyReader::problem() const {
    if (!messages_) return "broken chunked coding";
    if (messages_->problem() != nullptr) return messages_->problem();
    return complete_ ? "event stream: it ends inside a message" : "broken chunked coding";
}

bool BodyReader::end_of_stream() {
    if (framing_.kind == wire::BodyKind::until_close && begun_ == 0) complete_ = true;
    return complete_;
}

}  // namespace understudy::upstreams
