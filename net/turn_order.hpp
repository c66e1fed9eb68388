// In which order a worker's loop serves the sockets that are ready. Asio's own order with the build
// option UNDERSTUDY_PLAIN_ASIO, for there is no public place between its reactor and the kernel.
#pragma once

#ifdef UNDERSTUDY_PLAIN_ASIO
#include "net/plain_asio/turn_order.hpp"
#else
#include "net/asio/turn_order.hpp"
#endif
