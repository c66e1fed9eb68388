# Profile-guided optimisation: which way requests usually take through the code, counted once by `./dev train`
# and kept in cmake/profile/, so that the compiler lays that way out in one piece. A request runs once through
# more code than the first cache for instructions holds, and waits for it (docs/performance.md).
#
# A profile is for one version of g++. What it says of a function holds as long as the function branches as it
# did; nothing is known of others, nor where no profile is kept for the compiler. (ccache 4.7 does not know all
# of these options, and passes such compilations on as they are.)
set(UNDERSTUDY_PROFILE "use" CACHE STRING "use: the profile that is kept, where it fits | record: a build that makes one | off")
set_property(CACHE UNDERSTUDY_PROFILE PROPERTY STRINGS use record off)
if(NOT UNDERSTUDY_PROFILE MATCHES "^(use|record|off)$")
  message(FATAL_ERROR "UNDERSTUDY_PROFILE is '${UNDERSTUDY_PROFILE}'; it has to be use, record or off")
endif()

# The version as the files of counts name it: they change with the minor one.
string(REGEX MATCH "^[0-9]+\\.[0-9]+" profile_version "${CMAKE_CXX_COMPILER_VERSION}")
set(profile_archive ${CMAKE_SOURCE_DIR}/cmake/profile/g++-${profile_version}-${CMAKE_SYSTEM_PROCESSOR}.tar.xz)

# Functions that are known in their file alone are told apart by its name, as the compiler was given it: a
# launcher gives it as seen from a build folder two below the root, which is the same in every checkout.
cmake_path(SET profile_root NORMALIZE ${CMAKE_BINARY_DIR}/../..)
set(profile_fits OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND profile_root STREQUAL "${CMAKE_SOURCE_DIR}/")
  set(profile_fits ON)
endif()

# Of the program's own targets: tests and bench programs are compiled as ever. All that share a precompiled header
# have to have the same options.
set(UNDERSTUDY_PROFILE_OPTIONS "")
function(lay_out_by_profile target)
  target_compile_options(${target} PRIVATE ${UNDERSTUDY_PROFILE_OPTIONS})
endfunction()

function(use_relative_sources)
  set_property(GLOBAL PROPERTY RULE_LAUNCH_COMPILE "\"${CMAKE_SOURCE_DIR}/cmake/relative_source\" \"${CMAKE_SOURCE_DIR}\"")
endfunction()

# The folder that the archive is unpacked into, in `folder`. Another archive is another folder, so that all is
# compiled anew. What is not whole has another name.
function(unpack_profile folder)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${profile_archive})
  file(SHA256 ${profile_archive} digest)
  string(SUBSTRING ${digest} 0 12 digest)
  set(unpacked ${CMAKE_BINARY_DIR}/profile/${digest})
  if(NOT EXISTS ${unpacked})
    file(REMOVE_RECURSE ${CMAKE_BINARY_DIR}/profile)
    file(ARCHIVE_EXTRACT INPUT ${profile_archive} DESTINATION ${unpacked}.part)
    file(RENAME ${unpacked}.part ${unpacked})
  endif()
  set(${folder} ${unpacked} PARENT_SCOPE)
endfunction()

# A first archive, and the last one's going, are noticed as well.
file(GLOB profile_archives CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/profile/*.tar.xz)

if(UNDERSTUDY_PROFILE STREQUAL "record")
  if(NOT profile_fits)
    message(FATAL_ERROR "a profile is recorded with g++, in a build folder two below the root (./dev train)")
  endif()
  use_relative_sources()
  # Counters beside the object files, right also where threads meet.
  set(UNDERSTUDY_PROFILE_OPTIONS -fprofile-generate -fprofile-update=atomic)
  add_link_options(-fprofile-generate)
  file(WRITE ${CMAKE_BINARY_DIR}/profile_archive.txt ${profile_archive})
elseif(UNDERSTUDY_PROFILE STREQUAL "use" AND profile_fits AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT UNDERSTUDY_SANITIZE
       AND NOT UNDERSTUDY_PLAIN_ASIO AND profile_archive IN_LIST profile_archives)
  use_relative_sources()
  unpack_profile(profile)
  file(REAL_PATH ${CMAKE_BINARY_DIR} physical)  # as the compiler sees its own folder
  # What training has not met is not made small for that.
  set(UNDERSTUDY_PROFILE_OPTIONS -fprofile-use=${profile} -fprofile-prefix-path=${physical} -fprofile-partial-training
      -fprofile-correction -Wno-missing-profile -Wno-coverage-mismatch)
endif()
