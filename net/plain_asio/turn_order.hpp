// Asio's own order: what became ready first is served first. Same interface as
// net/asio/turn_order.hpp.
#pragma once

#include <boost/asio/io_context.hpp>

namespace understudy::net {

class TurnOrder {
  public:
    explicit TurnOrder(boost::asio::io_context&) noexcept {}
    // As where there is something to put back, so that its name is no unused variable.
    ~TurnOrder() {}
    TurnOrder(const TurnOrder&) = delete;
    TurnOrder& operator=(const TurnOrder&) = delete;
};

}  // namespace understudy::net
