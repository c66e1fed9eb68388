// Asio keeps its state of closed descriptors for the next ones, and there is no public way to say
// that none will come.
#include "net/descriptor_states.hpp"

namespace understudy::net {

void release_descriptor_states(boost::asio::io_context&) {}

}  // namespace understudy::net
