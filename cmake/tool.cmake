# The command-line tool `kmem`.

file(GLOB tool_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/kmem/*.cc" "${PROJECT_SOURCE_DIR}/tools/look/*.cc")
if(NOT tool_sources)
  return()
endif()
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)

add_executable(kmem_tool ${tool_sources})
set_target_properties(kmem_tool PROPERTIES OUTPUT_NAME kmem)
# A fifth of the time that a build takes; the inner tests need none.  `--target kmem_product` builds it all the same.
if(KMEM_TEST_SET STREQUAL "inner")
  set_target_properties(kmem_tool PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
target_compile_definitions(kmem_tool PRIVATE KMEM_VERSION="${PROJECT_VERSION}")
# To these alone, because ccache knows the rest again in another folder.
set_source_files_properties("${PROJECT_SOURCE_DIR}/tools/kmem/program.cc" "${PROJECT_SOURCE_DIR}/tools/kmem/driver_build.cc" PROPERTIES
  COMPILE_DEFINITIONS "KMEM_INSTALLED_LIBDIR=\"${CMAKE_INSTALL_LIBDIR}\";KMEM_SOVERSION=\".${PROJECT_VERSION_MAJOR}\";\
KMEM_SOURCE_FOLDER=\"${PROJECT_SOURCE_DIR}\";KMEM_INSTALLED_HEADERS=\"${CMAKE_INSTALL_INCLUDEDIR}/kmem-${PROJECT_VERSION_MAJOR}\"")
# From the core it takes the report layer: saved reports are printed by the code that prints live ones.
target_link_libraries(kmem_tool PRIVATE kmem_inner_linux kmem_pedantic CLI11::CLI11 fmt::fmt nlohmann_json::nlohmann_json)
# The pages that `kmem show` and `kmem profile` fill in, and what `kmem explain` reads, as strings; a compiler need not take longer ones
# than 64 KiB.
foreach(name tools/kmem/recording_page.html tools/kmem/profile_page.html docs/messages.md)
  set(file "${PROJECT_SOURCE_DIR}/${name}")
  get_filename_component(page "${name}" NAME_WE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  file(READ "${file}" page_text)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/made/kmem_tool/${page}.inc" CONTENT "R\"PAGE(@page_text@)PAGE\"\n" @ONLY)
endforeach()
# Profiles are compressed; without it they are written as they are.
find_package(ZLIB QUIET)
if(ZLIB_FOUND)
  target_compile_definitions(kmem_tool PRIVATE KMEM_HAS_ZLIB=1)
  target_link_libraries(kmem_tool PRIVATE ZLIB::ZLIB)
endif()
# Reading these takes longer than compiling most of the tool's files; lines are enough debug information for a tool.
target_precompile_headers(kmem_tool PRIVATE <fmt/format.h> <nlohmann/json.hpp> <algorithm> <functional> <map> <memory> <string>
  <vector>)
target_compile_options(kmem_tool PRIVATE -g1)
# Names of functions and lines in call traces; without it they are left out.
find_package(Threads REQUIRED)
target_link_libraries(kmem_tool PRIVATE Threads::Threads)
if(KMEM_LIBDW AND KMEM_LIBDW_INCLUDE)
  target_compile_definitions(kmem_tool PRIVATE KMEM_HAS_LIBDW=1)
  target_link_libraries(kmem_tool PRIVATE ${KMEM_LIBDW})
endif()
# The screen of `kmem top`; without it there is --batch.
find_package(Curses)
if(CURSES_FOUND)
  target_compile_definitions(kmem_tool PRIVATE KMEM_HAS_NCURSES=1)
  target_include_directories(kmem_tool PRIVATE ${CURSES_INCLUDE_DIRS})
  target_link_libraries(kmem_tool PRIVATE ${CURSES_LIBRARIES})
endif()
add_dependencies(kmem_tool kmem_layout)
# Completions for shells, as the tool itself prints them.
if(NOT CMAKE_CROSSCOMPILING AND NOT KMEM_SANITIZE)
  foreach(shell bash zsh fish)
    add_custom_command(TARGET kmem_tool POST_BUILD VERBATIM
      COMMAND kmem_tool completion ${shell} > "${PROJECT_BINARY_DIR}/made/completion.${shell}")
  endforeach()
endif()
add_dependencies(kmem_product kmem_tool)
