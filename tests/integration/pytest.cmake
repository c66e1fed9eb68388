# Finds pytest and defines understudy_pytest() for the folders of black-box tests.
find_package(Python3 COMPONENTS Interpreter)
set(PYTEST_FOUND FALSE)
if(Python3_FOUND)
  # Debian's pytest belongs to Debian's python, which need not be the first on the path.
  foreach(python /usr/bin/python3 ${Python3_EXECUTABLE})
    execute_process(COMMAND ${python} -m pytest --version RESULT_VARIABLE missing OUTPUT_QUIET ERROR_QUIET)
    if(missing EQUAL 0)
      set(PYTEST_FOUND TRUE)
      set(PYTEST ${python} -m pytest)
      break()
    endif()
  endforeach()
endif()

set(time_scale 1)
if(UNDERSTUDY_SANITIZE MATCHES "thread")
  set(time_scale 4)
elseif(UNDERSTUDY_SANITIZE)
  set(time_scale 3)
endif()

# understudy_pytest(NAME LABEL FILE): one test file against the binary of this build.
function(understudy_pytest name label file)
  add_test(NAME ${name} COMMAND ${PYTEST} -q -p no:cacheprovider ${file} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES
    LABELS ${label} TIMEOUT 600
    ENVIRONMENT "UNDERSTUDY_BIN=$<TARGET_FILE:understudy>;TEST_TIME_SCALE=${time_scale};PYTHONDONTWRITEBYTECODE=1")
endfunction()

# understudy_pytest_missing(LABEL): one entry that says why the label has no tests.
function(understudy_pytest_missing label)
  add_test(NAME ${label} COMMAND ${CMAKE_COMMAND} -E echo "skipped: python3-pytest is not installed")
  set_tests_properties(${label} PROPERTIES LABELS ${label} SKIP_REGULAR_EXPRESSION "skipped:")
endfunction()
