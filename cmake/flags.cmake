# How things are compiled: one interface target for each kind of code.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)  # gnu11, as kernel code is
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
# -O1 and not -O0: the fast paths are inline assembly with many operands, which needs registers.
# Debian 12's valgrind does not read clang's DWARF 5.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(debug_info "-gdwarf-4")
else()
  set(debug_info "-g")
endif()
set(CMAKE_C_FLAGS_DEBUG "-O1 ${debug_info}")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 ${debug_info}")
# Line tables stay in a release, so that reports and profiles can name lines.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

if(KMEM_SANITIZE)
  add_compile_options(-fsanitize=${KMEM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KMEM_SANITIZE})
endif()

add_library(kmem_warnings INTERFACE)
target_compile_options(kmem_warnings INTERFACE -Wall -Wextra -Wshadow $<$<BOOL:${KMEM_WERROR}>:-Werror>
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wthread-safety>
  # g++ 12 takes std::string's own copies for overlapping ones, and for longer than they are.
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict> $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-array-bounds>
  # With few optimisations or a sanitizer g++ sees uninitialised words that are not; a release keeps the warning.
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<CONFIG:Debug>>:-Wno-maybe-uninitialized>)

# For code that uses no compiler extension: the tool, examples, tests of the public face.
add_library(kmem_pedantic INTERFACE)
target_compile_options(kmem_pedantic INTERFACE -Wpedantic)
target_link_libraries(kmem_pedantic INTERFACE kmem_warnings)

# What ends up inside the libraries: no exceptions, no RTTI, and a symbol is exported only where it says so.
# Call traces follow frame pointers; the fast paths, which call nothing, go without.
add_library(kmem_inside INTERFACE)
# An allocator sees the same memory as one type after another, as the kernel does, and says so to the compiler.
target_compile_options(kmem_inside INTERFACE -fno-strict-aliasing -fno-exceptions -fno-rtti -fvisibility=hidden
  -fno-omit-frame-pointer -momit-leaf-frame-pointer -fno-semantic-interposition $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
target_link_libraries(kmem_inside INTERFACE kmem_warnings)

# The core in addition knows no libc at all.
add_library(kmem_freestanding INTERFACE)
target_compile_options(kmem_freestanding INTERFACE -ffreestanding -fno-threadsafe-statics -fno-stack-protector)
target_link_libraries(kmem_freestanding INTERFACE kmem_inside)
