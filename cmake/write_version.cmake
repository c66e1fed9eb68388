execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE commit
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit "unknown")
endif()
execute_process(COMMAND git -C ${SOURCE} status --porcelain --untracked-files=no OUTPUT_VARIABLE dirty ERROR_QUIET)
if(dirty)
  string(APPEND commit "+changes")
endif()
set(text "#pragma once
#define UNDERSTUDY_VERSION \"${VERSION}\"
#define UNDERSTUDY_COMMIT \"${commit}\"
#define UNDERSTUDY_BUILD_TYPE \"${BUILD_TYPE}\"
#define UNDERSTUDY_COMPILER \"${COMPILER}\"
")
if(EXISTS ${OUT})
  file(READ ${OUT} old)
endif()
if(NOT "${old}" STREQUAL "${text}")
  file(WRITE ${OUT} "${text}")
endif()
