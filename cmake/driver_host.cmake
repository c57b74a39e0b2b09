# kmem-driver-host: what `kmem driver` loads a module into.  It is dynamic, as the module brings the same libraries.

file(GLOB host_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/driver/*.cc")
add_executable(kmem_driver_host ${host_sources})
set_target_properties(kmem_driver_host PROPERTIES OUTPUT_NAME kmem-driver-host
  INSTALL_RPATH "$ORIGIN/.." BUILD_RPATH "${PROJECT_BINARY_DIR}")
target_include_directories(kmem_driver_host PRIVATE "${PROJECT_SOURCE_DIR}/driver/include" "${PROJECT_SOURCE_DIR}/include")
target_compile_options(kmem_driver_host PRIVATE -g1)
target_link_libraries(kmem_driver_host PRIVATE kmem_warnings kmem_driver)
add_dependencies(kmem_product kmem_driver_host)
