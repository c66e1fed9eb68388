# Warnings, optimisation and sanitizers for our own code; third-party headers are SYSTEM.
add_library(project_options INTERFACE)
target_compile_options(project_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor)
if(UNDERSTUDY_WERROR)
  target_compile_options(project_options INTERFACE -Werror)
endif()

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
# Functions nobody calls stay out of the program: every page of code between two that are used is mapped
# with them, and counts as resident memory (0.5 MB of an idle daemon).
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-ffunction-sections -fdata-sections)
  add_link_options(-Wl,--gc-sections -Wl,--as-needed)
endif()

if(UNDERSTUDY_SANITIZE)
  add_compile_options(-fsanitize=${UNDERSTUDY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${UNDERSTUDY_SANITIZE})
  # g++ reports Asio's frame allocator here without cause: it gives back what the thread's cache took.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-mismatched-new-delete -Wno-tsan)
  endif()
endif()
if(UNDERSTUDY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

# Declares one room: understudy_<name>, from every .cpp below it but those in the folder WITHOUT.
function(understudy_room name)
  cmake_parse_arguments(ROOM "" "WITHOUT" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(ROOM_WITHOUT)
    list(FILTER sources EXCLUDE REGEX "/${name}/${ROOM_WITHOUT}/")
  endif()
  add_library(understudy_${name} STATIC ${sources})
  target_link_libraries(understudy_${name} PUBLIC ${ROOM_DEPENDS} PRIVATE project_options)
  lay_out_by_profile(understudy_${name})
endfunction()
