# Small programs on a malloc of choice, and the tests that run them: for this folder and ../contact.

include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/test_limits.cmake)

# How all test programs are built: the compiler must take malloc and free for functions it knows nothing of.
function(kmem_system_flags target)
  target_compile_options(${target} PRIVATE -O2 -fno-builtin -Wall -Wextra -Wpedantic -Wshadow
    $<$<COMPILE_LANG_AND_ID:C,GNU>:-Wno-use-after-free> $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-use-after-free>
    $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-fsized-deallocation>)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  target_link_libraries(${target} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)
endfunction()

function(kmem_system_program name source)
  add_executable(system_${name} ${source})
  set_target_properties(system_${name} PROPERTIES OUTPUT_NAME ${name})
  kmem_system_flags(system_${name})
endfunction()

# A test named system.NAME that runs COMMAND.
function(kmem_system_test name)
  cmake_parse_arguments(arg "SLOW" "TIMEOUT" "COMMAND" ${ARGN})
  set(labels system)
  set(limit ${KMEM_TEST_LIMIT})
  if(arg_SLOW)
    list(APPEND labels slow)
    set(limit ${KMEM_SLOW_TEST_LIMIT})
  endif()
  if(arg_TIMEOUT)
    set(limit ${arg_TIMEOUT})
  endif()
  add_test(NAME system.${name} COMMAND ${arg_COMMAND})
  set_tests_properties(system.${name} PROPERTIES LABELS "${labels}" TIMEOUT ${limit} SKIP_RETURN_CODE 77
    ENVIRONMENT "KMEM_MALLOC_SO=${KMEM_MALLOC_SO};KMEM_SO=${products}/libkmem.so")
endfunction()

# The program on each of the mallocs named: system.PROGRAM.MALLOC
function(kmem_system_test_on mallocs program)
  foreach(malloc ${mallocs})
    kmem_system_test(${program}.${malloc}
      COMMAND ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/on.sh ${malloc} $<TARGET_FILE:system_${program}> ${ARGN})
  endforeach()
endfunction()
