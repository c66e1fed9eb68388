#include "proxy/client_answer.hpp"

#include "wire/append.hpp"

#include <boost/assert.hpp>

#include <utility>

namespace understudy::proxy {

using net::GatherList;

void ClientAnswer::begin(std::string& head) {
    BOOST_ASSERT(!begun_);
    head.append(port_.connection_field()).append("\r\n");
    head_ = head;
    begun_ = true;
}

void ClientAnswer::begin_sized(std::string& head, std::uint64_t length) {
    wire::append_field(head, "content-length", length);
    begin(head);
}

void ClientAnswer::begin_stream(std::string& head) {
    chunked_ = port_.chunked_allowed();
    if (chunked_) {
        wire::append_field(head, "transfer-encoding", "chunked");
    } else {
        port_.close_after_answer();
    }
    begin(head);
}

void ClientAnswer::compose(GatherList& out, const GatherList& data, bool last) {
    out.clear();
    out.add(std::exchange(head_, {}));
    const bool chunk = chunked_ && !data.empty();
    if (chunk) out.add(size_.emplace(data.bytes()).view());
    out.add(data);
    if (chunk) out.add(wire::kChunkEnd);
    if (chunked_ && last) out.add(wire::kLastChunk);
}

void ClientAnswer::compose(GatherList& out, std::string_view data, bool last) {
    GatherList list;
    list.add(data);
    compose(out, list, last);
}

void ClientAnswer::cut() {
    port_.cut(!chunked_);
}

}  // namespace understudy::proxy
