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
find_package(Threads REQUIRED)

# Debian ships no static fmt and spdlog; compiled in as headers, they make a static program possible.
# Its yaml-cpp is there both ways, but the CMake package knows the shared one only.
if(UNDERSTUDY_STATIC)
  set(UNDERSTUDY_SPDLOG spdlog::spdlog_header_only)
  set_target_properties(spdlog::spdlog_header_only PROPERTIES
    INTERFACE_LINK_LIBRARIES "Threads::Threads;fmt::fmt-header-only")
  find_library(YAML_CPP_STATIC NAMES libyaml-cpp.a REQUIRED)
  set_target_properties(yaml-cpp PROPERTIES
    IMPORTED_LOCATION "${YAML_CPP_STATIC}" IMPORTED_LOCATION_NONE "${YAML_CPP_STATIC}")
else()
  set(UNDERSTUDY_SPDLOG spdlog::spdlog)
endif()

# Asio and Beast are compiled once, here; every other file only sees declarations. This halves the build.
add_library(third_party STATIC ${CMAKE_SOURCE_DIR}/cmake/third_party_impl.cpp)
target_include_directories(third_party SYSTEM PUBLIC ${Boost_INCLUDE_DIRS})
target_compile_definitions(third_party PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ALL_NO_LIB
  # Keeps coroutine frames of one request in Asio's per-thread cache (the default is 2 per purpose).
  BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16)
target_link_libraries(third_party PUBLIC Threads::Threads)
