# What the core is told when it is built: its version, and what lies where in it.

set_source_files_properties("${PROJECT_SOURCE_DIR}/src/system/snapshot.cc" "${PROJECT_SOURCE_DIR}/src/system/look_table.cc"
  PROPERTIES COMPILE_DEFINITIONS "KMEM_VERSION=\"${PROJECT_VERSION}\"")

# What lies where, as digests (docs/decisions/looking-from-outside.md): of the types that a look goes to, as the compiler lays them
# out; its debug information tells.  Where that cannot be read, and on a bare machine, into which nobody looks: of the text of all
# headers, which other versions hardly ever share.
set(layout_digest "${PROJECT_BINARY_DIR}/made/kmem_port/layout_digest.h")
find_library(KMEM_LIBDW dw)
find_path(KMEM_LIBDW_INCLUDE elfutils/libdwfl.h)
if(KMEM_LIBDW AND KMEM_LIBDW_INCLUDE AND NOT KMEM_BARE AND NOT CMAKE_CROSSCOMPILING)
  add_executable(kmem_layout_reader "${PROJECT_SOURCE_DIR}/tools/layout/layout.cc")
  # It runs while the rest is built, where a sanitizer has nothing to find.
  target_compile_options(kmem_layout_reader PRIVATE -fno-sanitize=all)
  target_link_options(kmem_layout_reader PRIVATE -fno-sanitize=all)
  target_link_libraries(kmem_layout_reader PRIVATE kmem_pedantic "${KMEM_LIBDW}")
  add_library(kmem_layout_types OBJECT EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/tools/layout/reached.cc")
  target_link_libraries(kmem_layout_types PRIVATE kmem_on_linux kmem_freestanding)
  target_compile_options(kmem_layout_types PRIVATE -g2 -fno-lto $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-fstandalone-debug>)
  set(make_layout kmem_layout_reader $<TARGET_OBJECTS:kmem_layout_types> "${layout_digest}")
  set(layout_inputs kmem_layout_reader kmem_layout_types $<TARGET_OBJECTS:kmem_layout_types>)
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/made/kmem_port")
else()
  file(GLOB_RECURSE layout_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.h" "${PROJECT_SOURCE_DIR}/ports/linux/include/*.h")
  list(SORT layout_headers)
  set(make_layout ${CMAKE_COMMAND} "-DHEADERS=${layout_headers}" "-DOUT=${layout_digest}"
    -P "${PROJECT_SOURCE_DIR}/cmake/layout_digest.cmake")
  set(layout_inputs ${layout_headers} "${PROJECT_SOURCE_DIR}/cmake/layout_digest.cmake")
endif()
add_custom_command(OUTPUT "${layout_digest}.stamp"
  COMMAND ${make_layout}
  COMMAND ${CMAKE_COMMAND} -E touch "${layout_digest}.stamp"
  BYPRODUCTS "${layout_digest}"
  DEPENDS ${layout_inputs} VERBATIM)
add_custom_target(kmem_layout DEPENDS "${layout_digest}.stamp")
