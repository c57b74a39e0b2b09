# Tests of a program's behaviour without memory, for ctest.  find_package(kmem) brings these functions, and so does
# add_subdirectory().
#
#   kmem_add_fail_nth_test(target [NAME name] [ARGS argument...] [OPTIONS option...])
#       each allocation of the program fails once: it must not crash, hang, misuse memory or lose any
#   kmem_add_leak_test(target [NAME name] [ARGS argument...])         nothing is lost at its end
#   kmem_add_validate_test(target [NAME name] [ARGS argument...])     no object is written outside of its bounds
#
# NAME is the test's; by default fail_nth.TARGET, leaks.TARGET, validate.TARGET.  OPTIONS are those of kmem fail-nth.

function(kmem_testing_tool out)
  if(TARGET kmem_tool)
    set(${out} "$<TARGET_FILE:kmem_tool>" PARENT_SCOPE)
    return()
  endif()
  find_program(KMEM_TOOL kmem HINTS ${KMEM_TOOL_HINT})
  if(NOT KMEM_TOOL)
    message(FATAL_ERROR "the program kmem is not found; install kmem-tools, or set KMEM_TOOL")
  endif()
  set(${out} "${KMEM_TOOL}" PARENT_SCOPE)
endfunction()

function(kmem_testing_add kind target)
  cmake_parse_arguments(PARSE_ARGV 2 test "" "NAME" "ARGS;OPTIONS;COMMAND")
  if(NOT test_NAME)
    set(test_NAME "${kind}.${target}")
  endif()
  add_test(NAME "${test_NAME}" COMMAND ${test_COMMAND} ${test_OPTIONS} -- "$<TARGET_FILE:${target}>" ${test_ARGS})
  set_property(TEST "${test_NAME}" APPEND PROPERTY LABELS kmem)
  if(kind STREQUAL "leaks")
    set_property(TEST "${test_NAME}" PROPERTY FAIL_REGULAR_EXPRESSION "unreferenced object")
  endif()
endfunction()

function(kmem_add_fail_nth_test target)
  kmem_testing_tool(tool)
  kmem_testing_add(fail_nth ${target} ${ARGN} COMMAND ${tool} fail-nth --quiet)
endfunction()

function(kmem_add_leak_test target)
  kmem_testing_tool(tool)
  kmem_testing_add(leaks ${target} ${ARGN} COMMAND ${tool} run --leaks)
endfunction()

function(kmem_add_validate_test target)
  kmem_testing_tool(tool)
  kmem_testing_add(validate ${target} ${ARGN} COMMAND ${tool} validate --objects)
endfunction()
