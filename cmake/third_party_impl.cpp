// The one place where the header-only network libraries are compiled (see
// cmake/dependencies.cmake).
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
