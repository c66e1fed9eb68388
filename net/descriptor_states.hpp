// Gives back what Asio keeps for descriptors that are closed.
#pragma once

#include <boost/asio/io_context.hpp>

namespace understudy::net {

/// Frees Asio's state of descriptors that are not open any more. Asio keeps it for the next ones
/// and never frees it: 160 bytes each, but strewn over the heap between what has long been freed,
/// so that 18,000 closed connections hold 10,000 pages. Call it on the thread that runs `io`.
void release_descriptor_states(boost::asio::io_context& io);

}  // namespace understudy::net
