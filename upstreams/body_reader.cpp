#include "upstreams/body_reader.hpp"

#include <algorithm>

namespace understudy::upstreams {

BodyReader::BodyReader(const wire::Framing& framing) : framing_(framing), left_(framing.length) {
    complete_ = framing.kind == wire::BodyKind::none ||
                (framing.kind == wire::BodyKind::length && framing.length == 0);
}

bool BodyReader::digest(Bytes& in) {
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

bool BodyReader::end_of_stream() {
    if (framing_.kind == wire::BodyKind::until_close) complete_ = true;
    return complete_;
}

}  // namespace understudy::upstreams
