# The command-line tool `kmem`.

file(GLOB tool_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/kmem/*.cc")
if(NOT tool_sources)
  return()
endif()
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)

add_executable(kmem_tool ${tool_sources})
set_target_properties(kmem_tool PROPERTIES OUTPUT_NAME kmem)
target_compile_definitions(kmem_tool PRIVATE KMEM_VERSION="${PROJECT_VERSION}"
  KMEM_INSTALLED_LIBDIR="${CMAKE_INSTALL_LIBDIR}")
# From the core it takes the report layer: saved reports are printed by the code that prints live ones.
target_link_libraries(kmem_tool PRIVATE kmem_inner_linux kmem_pedantic CLI11::CLI11 fmt::fmt nlohmann_json::nlohmann_json)
# Names of functions and lines in call traces; without it they are left out.
find_package(Threads REQUIRED)
target_link_libraries(kmem_tool PRIVATE Threads::Threads)
find_library(KMEM_LIBDW dw)
find_path(KMEM_LIBDW_INCLUDE elfutils/libdwfl.h)
if(KMEM_LIBDW AND KMEM_LIBDW_INCLUDE)
  target_compile_definitions(kmem_tool PRIVATE KMEM_HAS_LIBDW=1)
  target_link_libraries(kmem_tool PRIVATE ${KMEM_LIBDW})
endif()
add_dependencies(kmem_product kmem_tool)
