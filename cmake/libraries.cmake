# libkmem and libkmem-malloc, shared and static, at the top of the build folder.

kmem_sources(preload_sources "preload/*.cc" GLOB)
add_library(kmem_preload OBJECT EXCLUDE_FROM_ALL ${preload_sources})
target_link_libraries(kmem_preload PRIVATE kmem_on_linux kmem_inside)
# Declarations of our own malloc must not be taken for the compiler's idea of one.
target_compile_options(kmem_preload PRIVATE -fno-builtin)
# The nothrow forms of operator new must catch what a new-handler throws.
set_source_files_properties("${PROJECT_SOURCE_DIR}/preload/new.cc" PROPERTIES COMPILE_OPTIONS -fexceptions)

set(kmem_objects $<TARGET_OBJECTS:kmem_core_linux> $<TARGET_OBJECTS:kmem_port_linux>)
set(kmem_malloc_objects ${kmem_objects} $<TARGET_OBJECTS:kmem_preload>)

option(KMEM_STRICT_LINK "Refuse libraries with undefined symbols" ON)

# -Bsymbolic-functions: a library's calls to its own functions stay inside it.  A program that loads both libraries,
# or replaces kfree, can thus never mix the state of two cores; and internal calls need no PLT.  What it gives up is
# that a program which replaces `operator new` alone does not see the calls from our `operator new[]`.
function(kmem_shared_library target output)
  add_library(${target} SHARED ${ARGN})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output} VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR})
  target_link_options(${target} PRIVATE -Wl,-z,now -Wl,-z,relro -Wl,-Bsymbolic-functions)
  if(KMEM_SANITIZE)
    return()  # the sanitizers' own libraries have to come in
  endif()
  target_link_options(${target} PRIVATE -nodefaultlibs $<$<BOOL:${KMEM_STRICT_LINK}>:-Wl,-z,defs>)
  target_link_libraries(${target} PRIVATE c gcc)
endfunction()

# A static library of one object, whose hidden names are local to it.  One object, because a program must get all of
# malloc from us or none: taking libc's realloc next to our free would corrupt both.
find_program(KMEM_LD NAMES ld.bfd ld REQUIRED)  # lld has no --force-group-allocation
find_program(KMEM_OBJCOPY objcopy REQUIRED)
function(kmem_static_library target output objects)
  set(object "${PROJECT_BINARY_DIR}/CMakeFiles/${output}.o")
  set(archive "${PROJECT_BINARY_DIR}/lib${output}.a")
  add_custom_command(OUTPUT "${archive}"
    COMMAND ${KMEM_LD} -r --force-group-allocation -o "${object}" ${objects}
    COMMAND ${KMEM_OBJCOPY} --localize-hidden "${object}"
    COMMAND ${CMAKE_COMMAND} -E rm -f "${archive}"
    COMMAND ${CMAKE_AR} crs "${archive}" "${object}"
    DEPENDS ${objects} COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking lib${output}.a")
  add_custom_target(${target} ALL DEPENDS "${archive}")
endfunction()

kmem_shared_library(kmem_shared kmem ${kmem_objects})
kmem_shared_library(kmem_malloc_shared kmem-malloc ${kmem_malloc_objects})
kmem_static_library(kmem_static kmem "${kmem_objects}")
kmem_static_library(kmem_malloc_static kmem-malloc "${kmem_malloc_objects}")

foreach(pair "kmem_shared;kmem" "kmem_malloc_shared;malloc")
  list(GET pair 0 target)
  list(GET pair 1 name)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  add_library(kmem::${name} ALIAS ${target})
  target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/kmem-${PROJECT_VERSION_MAJOR}>)
endforeach()

# What a user asks for: `cmake --build ... --target kmem_product` builds no tests.
add_custom_target(kmem_product)
add_dependencies(kmem_product kmem_shared kmem_malloc_shared kmem_static kmem_malloc_static)
