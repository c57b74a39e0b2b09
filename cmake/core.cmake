# The core (src/), the kernel's names over it (faces/kernel) and the ports, as objects: the libraries and the tests are put
# together from them.

# The sources below a folder; a placeholder while there are none, since CMake wants at least one.
function(kmem_sources out pattern mode)
  file(${mode} files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${pattern}")
  if(NOT files)
    set(files "${PROJECT_BINARY_DIR}/empty.cc")
    if(NOT EXISTS "${files}")
      file(WRITE "${files}" "// Stands in for sources that are not written yet.\n")
    endif()
  endif()
  set(${out} "${files}" PARENT_SCOPE)
endfunction()

include(made)

# What everything that includes a header of the core must agree on, for each port.
foreach(port linux sim)
  add_library(kmem_on_${port} INTERFACE)
  target_include_directories(kmem_on_${port} INTERFACE "${PROJECT_SOURCE_DIR}/src"
    "${PROJECT_SOURCE_DIR}/ports/${port}/include" "${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/made")
  target_compile_definitions(kmem_on_${port} INTERFACE $<$<CONFIG:Debug>:KMEM_DEBUG=1>)
endforeach()
target_compile_definitions(kmem_on_sim INTERFACE KMEM_SIM=1)

kmem_sources(core_sources "src/*.cc" GLOB_RECURSE)
kmem_sources(kernel_face_sources "faces/kernel/*.cc" GLOB)
# One pair for each port: the core sees its port's inline functions, so it is compiled for each.
foreach(port linux sim)
  add_library(kmem_core_${port} OBJECT EXCLUDE_FROM_ALL ${core_sources})
  target_link_libraries(kmem_core_${port} PRIVATE kmem_on_${port} kmem_freestanding)
  add_dependencies(kmem_core_${port} kmem_layout)

  add_library(kmem_kernel_face_${port} OBJECT EXCLUDE_FROM_ALL ${kernel_face_sources})
  target_link_libraries(kmem_kernel_face_${port} PRIVATE kmem_on_${port} kmem_freestanding)

  kmem_sources(port_sources "ports/${port}/*.cc" GLOB)
  add_library(kmem_port_${port} OBJECT EXCLUDE_FROM_ALL ${port_sources})
  target_link_libraries(kmem_port_${port} PRIVATE kmem_on_${port} kmem_inside)

  # What a small port does not have, ready-made and weak.
  kmem_sources(common_port_sources "ports/common/*.cc" GLOB)
  add_library(kmem_port_common_${port} OBJECT EXCLUDE_FROM_ALL ${common_port_sources})
  target_link_libraries(kmem_port_common_${port} PRIVATE kmem_on_${port} kmem_freestanding)

  # For tests: they reach hidden symbols, and pull in only the objects that they use, so a test of a lower layer
  # does not need the layers above it.
  add_library(kmem_inner_${port} STATIC EXCLUDE_FROM_ALL
    $<TARGET_OBJECTS:kmem_core_${port}> $<TARGET_OBJECTS:kmem_kernel_face_${port}> $<TARGET_OBJECTS:kmem_port_${port}>
    $<$<NOT:$<STREQUAL:${port},linux>>:$<TARGET_OBJECTS:kmem_port_common_${port}>>)
  set_target_properties(kmem_inner_${port} PROPERTIES ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/inner")
  target_link_libraries(kmem_inner_${port} PUBLIC kmem_on_${port})
endforeach()
