# libkmem-driver, shared and static: a driver's surroundings, over libkmem's public names alone.

find_package(Threads REQUIRED)

# Every source below driver/ belongs to it: one folder for each group of headers. Those that need a host's help, or are simulated,
# have others in their place on a bare machine (cmake/bare.cmake).
file(GLOB_RECURSE driver_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/driver/*.cc")
add_library(kmem_driver_objects OBJECT EXCLUDE_FROM_ALL ${driver_sources})
target_include_directories(kmem_driver_objects PRIVATE "${PROJECT_SOURCE_DIR}/driver/include" "${PROJECT_SOURCE_DIR}/driver"
  "${PROJECT_SOURCE_DIR}/include")
target_link_libraries(kmem_driver_objects PRIVATE kmem_inside)

add_library(kmem_driver SHARED $<TARGET_OBJECTS:kmem_driver_objects>)
add_library(kmem_driver_static STATIC $<TARGET_OBJECTS:kmem_driver_objects>)
set_target_properties(kmem_driver PROPERTIES OUTPUT_NAME kmem-driver VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  EXPORT_NAME driver LINK_DEPENDS "${PROJECT_SOURCE_DIR}/driver/libkmem-driver.map")
set_target_properties(kmem_driver_static PROPERTIES OUTPUT_NAME kmem-driver EXPORT_NAME driver_static)
target_link_options(kmem_driver PRIVATE -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete
  "-Wl,--version-script=${PROJECT_SOURCE_DIR}/driver/libkmem-driver.map")
foreach(target kmem_driver kmem_driver_static)
  target_include_directories(${target} BEFORE INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/driver/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/kmem-${PROJECT_VERSION_MAJOR}/driver>)
  target_link_libraries(${target} PUBLIC kmem_shared Threads::Threads ${CMAKE_DL_LIBS})
endforeach()
add_library(kmem::driver ALIAS kmem_driver)
add_dependencies(kmem_product kmem_driver kmem_driver_static)
