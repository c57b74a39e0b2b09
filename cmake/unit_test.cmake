# kmem_unit_test(NAME source... [SIM|LINUX] [LABELS label...]): one GoogleTest program from its sources, linked with
# the inside of kmem, so that it reaches what is hidden.  Every test in it becomes a ctest test "NAME.Suite.test".
#   SIM / LINUX  which port it runs on; without either, linux, or sim in the sim preset
#   LABELS       `unit` unless told; `slow` keeps it out of the ordinary run

include(GoogleTest)

# Reading <gtest/gtest.h> takes longer than compiling most tests: it is read once for each port.
foreach(port linux sim)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/empty_${port}.cc" CONTENT "// Carries a precompiled header.\n")
  add_library(kmem_gtest_${port} OBJECT EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/empty_${port}.cc")
  target_link_libraries(kmem_gtest_${port} PRIVATE kmem_on_${port} kmem_warnings GTest::gtest)
  target_precompile_headers(kmem_gtest_${port} PRIVATE <gtest/gtest.h>)
  # Lines are enough debug information for tests, and half the time goes into it.
  target_compile_options(kmem_gtest_${port} PRIVATE -g1)
  # -fPIC here and -fPIE in the programs would not fit together; the compiler's default fits both.
  set_target_properties(kmem_gtest_${port} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
endforeach()

set(KMEM_TEST_ENVIRONMENT
  "ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=halt_on_error=1")

function(kmem_unit_test name)
  cmake_parse_arguments(arg "SIM;LINUX" "" "LABELS" ${ARGN})
  set(port linux)
  if(arg_SIM OR (KMEM_SIM AND NOT arg_LINUX))
    set(port sim)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE kmem_inner_${port} kmem_warnings GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_precompile_headers(${name} REUSE_FROM kmem_gtest_${port})
  target_compile_options(${name} PRIVATE -g1)
  set(filter)
  if(port STREQUAL sim)
    # The simulated machine is one thread of the host, and its per-CPU stacks are for that thread alone.
    set(filter TEST_FILTER "-*Threads*")
  endif()
  # Looking for tests when ctest starts, not while building: a test that cannot even start fails alone.
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 ${filter})
  # PROPERTIES of gtest_discover_tests() takes lists apart: of LABELS "unit;slow" the first stays, and `slow` becomes the
  # name of a property.  So ctest sets them itself, when it knows the tests.
  set(limit ${KMEM_TEST_LIMIT})
  if("slow" IN_LIST arg_LABELS)
    set(limit ${KMEM_SLOW_TEST_LIMIT})
  endif()
  set(properties "${CMAKE_CURRENT_BINARY_DIR}/${name}.properties.cmake")
  file(CONFIGURE OUTPUT "${properties}" @ONLY CONTENT [[
foreach(test IN LISTS @name@_TESTS)
  set_tests_properties("${test}" PROPERTIES LABELS "@arg_LABELS@" TIMEOUT @limit@ ENVIRONMENT "@KMEM_TEST_ENVIRONMENT@")
endforeach()
]])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${properties}")
endfunction()
