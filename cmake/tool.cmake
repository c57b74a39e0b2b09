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
add_dependencies(kmem_product kmem_tool)
