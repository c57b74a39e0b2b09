# libkmem and libkmem-malloc, shared and static, at the top of the build folder.

kmem_sources(malloc_face_sources "faces/malloc/*.cc" GLOB)
add_library(kmem_malloc_face OBJECT EXCLUDE_FROM_ALL ${malloc_face_sources})
target_link_libraries(kmem_malloc_face PRIVATE kmem_on_linux kmem_inside)
# Declarations of our own malloc must not be taken for the compiler's idea of one.
target_compile_options(kmem_malloc_face PRIVATE -fno-builtin)
# The nothrow forms of operator new must catch what a new-handler, or a program's own operator new, throws.
set_source_files_properties("${PROJECT_SOURCE_DIR}/faces/malloc/new.cc" PROPERTIES COMPILE_OPTIONS -fexceptions)

# vfork() and clone() in front of libc's: with its version in the shared libraries, weak in the archives.
foreach(kind shared static)
  add_library(kmem_libc_face_${kind} OBJECT EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/faces/libc/children.cc")
  target_link_libraries(kmem_libc_face_${kind} PRIVATE kmem_inside)
endforeach()
target_compile_definitions(kmem_libc_face_shared PRIVATE KMEM_SHARED_LIBRARY=1)

set(kmem_objects $<TARGET_OBJECTS:kmem_core_linux> $<TARGET_OBJECTS:kmem_kernel_face_linux> $<TARGET_OBJECTS:kmem_port_linux>)
set(kmem_malloc_objects ${kmem_objects} $<TARGET_OBJECTS:kmem_malloc_face>)

option(KMEM_STRICT_LINK "Refuse libraries with undefined symbols" ON)

# -Bsymbolic-functions: a library's calls to its own functions stay inside it.  A program that loads both libraries,
# or replaces kfree, can thus never mix the state of two cores; and internal calls need no PLT.
# -z nodelete: dlclose() leaves it; ports/linux/stay_loaded.cc says why.
function(kmem_shared_library target output map)
  add_library(${target} SHARED ${ARGN})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output} VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR})
  target_link_options(${target} PRIVATE -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-Bsymbolic-functions
    "-Wl,--version-script=${PROJECT_SOURCE_DIR}/${map}"
    "-Wl,--version-script=${PROJECT_SOURCE_DIR}/faces/libc/${CMAKE_SYSTEM_PROCESSOR}.map")
  set_property(TARGET ${target} PROPERTY LINK_DEPENDS "${PROJECT_SOURCE_DIR}/${map}")
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
function(kmem_static_library target output)
  list(TRANSFORM ARGN REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
  set(object "${PROJECT_BINARY_DIR}/CMakeFiles/${output}.o")
  set(archive "${PROJECT_BINARY_DIR}/lib${output}.a")
  add_custom_command(OUTPUT "${archive}"
    COMMAND ${KMEM_LD} -r --force-group-allocation -o "${object}" ${objects}
    COMMAND ${KMEM_OBJCOPY} --localize-hidden "${object}"
    COMMAND ${CMAKE_COMMAND} -E rm -f "${archive}"
    COMMAND ${CMAKE_AR} crs "${archive}" "${object}"
    DEPENDS ${objects} COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking lib${output}.a")
  add_custom_target(${target} ALL DEPENDS "${archive}")
  add_dependencies(${target} ${ARGN})  # make knows no rule for another target's objects
endfunction()

kmem_shared_library(kmem_shared kmem faces/kernel/libkmem.map ${kmem_objects} $<TARGET_OBJECTS:kmem_libc_face_shared>)
target_link_options(kmem_shared PRIVATE -Wl,--defsym=kmalloc=kmem_kmalloc -Wl,--defsym=kfree=kmem_kfree)
kmem_shared_library(kmem_malloc_shared kmem-malloc faces/malloc/libkmem-malloc.map ${kmem_malloc_objects}
  $<TARGET_OBJECTS:kmem_libc_face_shared>)
# Of these, and these alone, a name may lead outside from inside, too: faces/malloc/own.h.
target_link_options(kmem_malloc_shared PRIVATE "-Wl,--dynamic-list=${PROJECT_SOURCE_DIR}/faces/malloc/replaceable.list")
set_property(TARGET kmem_malloc_shared APPEND PROPERTY LINK_DEPENDS "${PROJECT_SOURCE_DIR}/faces/malloc/replaceable.list")
# Beside libkmem-malloc.so where reports are asked for.
add_library(kmem_exit_shared SHARED "${PROJECT_SOURCE_DIR}/faces/exit/exit.cc")
set_target_properties(kmem_exit_shared PROPERTIES OUTPUT_NAME kmem-exit)
target_link_libraries(kmem_exit_shared PRIVATE kmem_inside)
target_link_options(kmem_exit_shared PRIVATE -Wl,-z,now -Wl,-z,relro -Wl,--as-needed)
set(kmem_parts kmem_core_linux kmem_kernel_face_linux kmem_port_linux kmem_libc_face_static)
kmem_static_library(kmem_static kmem ${kmem_parts})
kmem_static_library(kmem_malloc_static kmem-malloc ${kmem_parts} kmem_malloc_face)

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
add_dependencies(kmem_product kmem_shared kmem_malloc_shared kmem_exit_shared kmem_static kmem_malloc_static)
