# Third-party code comes from Debian packages. Boost 1.81 is the floor: older Asio lacks as_tuple and
# deferred, and does not compile with g++ 12.
if(UNDERSTUDY_STATIC)
  set(OPENSSL_USE_STATIC_LIBS ON)
  set(ZLIB_USE_STATIC_LIBS ON)
endif()
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(zstd REQUIRED CONFIG)
find_package(Threads REQUIRED)
find_package(SQLite3 3.24 REQUIRED)

if(UNDERSTUDY_STATIC)
  set(UNDERSTUDY_ZSTD zstd::libzstd_static)
else()
  set(UNDERSTUDY_ZSTD zstd::libzstd_shared)
endif()

# Two files use spdlog and fmt, and Debian ships no archives of them: as headers they need no library at
# run time.
set(UNDERSTUDY_SPDLOG spdlog::spdlog_header_only)
set_target_properties(spdlog::spdlog_header_only PROPERTIES
  INTERFACE_LINK_LIBRARIES "Threads::Threads;fmt::fmt-header-only")

# Linked in, the C++ libraries cost the pages that are used; as shared libraries they cost relocations and
# whole neighbourhoods of pages each (3 MB of an idle daemon). OpenSSL, SQLite, zlib, zstd and libc stay
# shared, so that the distribution's security updates reach them. Sanitizers bring runtimes of their own.
find_library(YAML_CPP_ARCHIVE NAMES libyaml-cpp.a)
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libstdc++.a
  OUTPUT_VARIABLE stdcxx_archive OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(linked_in OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT UNDERSTUDY_SANITIZE AND NOT UNDERSTUDY_FUZZ
   AND YAML_CPP_ARCHIVE AND IS_ABSOLUTE "${stdcxx_archive}")
  set(linked_in ON)
endif()
option(UNDERSTUDY_STATIC_CXX "Link libstdc++ and yaml-cpp into the program" ${linked_in})
if(UNDERSTUDY_STATIC OR UNDERSTUDY_STATIC_CXX)
  if(NOT YAML_CPP_ARCHIVE)
    message(FATAL_ERROR "libyaml-cpp.a is missing; -D UNDERSTUDY_STATIC_CXX=OFF links the shared library")
  endif()
  # Its CMake package knows the shared one only.
  set_target_properties(yaml-cpp PROPERTIES
    IMPORTED_LOCATION "${YAML_CPP_ARCHIVE}" IMPORTED_LOCATION_NONE "${YAML_CPP_ARCHIVE}")
endif()
if(UNDERSTUDY_STATIC)
  # Its CMake module knows no archives. It wants the mathematics of libc.
  find_library(SQLITE_ARCHIVE NAMES libsqlite3.a REQUIRED)
  set_target_properties(SQLite::SQLite3 PROPERTIES
    IMPORTED_LOCATION "${SQLITE_ARCHIVE}" INTERFACE_LINK_LIBRARIES m)
endif()
if(UNDERSTUDY_STATIC)
  message(STATUS "Understudy: everything is linked in, libc and OpenSSL too")
elseif(UNDERSTUDY_STATIC_CXX)
  message(STATUS "Understudy: libstdc++ and yaml-cpp are linked in; OpenSSL, SQLite, zlib, zstd and libc are shared")
else()
  message(STATUS "Understudy: all libraries are shared (an idle daemon takes about 2 MB more)")
endif()

# Asio and Beast are compiled once, here; every other file only sees declarations. This halves the build.
add_library(third_party STATIC ${CMAKE_SOURCE_DIR}/cmake/third_party_impl.cpp)
target_include_directories(third_party SYSTEM PUBLIC ${Boost_INCLUDE_DIRS})
target_compile_definitions(third_party PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ALL_NO_LIB
  # Keeps coroutine frames of one request in Asio's per-thread cache (the default is 2 per purpose).
  BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16)
if(UNDERSTUDY_PLAIN_ASIO)
  target_compile_definitions(third_party PRIVATE UNDERSTUDY_PLAIN_ASIO)
endif()
target_link_libraries(third_party PUBLIC Threads::Threads)
lay_out_by_profile(third_party)
