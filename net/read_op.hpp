// The read that a stream keeps under way, in one of two makes with the same interface: one inside
// Asio's reactor, which saves system calls (net/asio), and one that asks Asio for nothing but
// what it promises to everybody (net/plain_asio, the build option UNDERSTUDY_PLAIN_ASIO).
#pragma once

#ifdef UNDERSTUDY_PLAIN_ASIO
#include "net/plain_asio/read_op.hpp"
#else
#include "net/asio/read_op.hpp"
#endif
