# kmem.pc and the CMake package, for the build tree and for an installation.

include(CMakePackageConfigHelpers)

# Our <linux/...> would overwrite the system's below /usr/include, so the headers get a folder of their own.
set(include_dir "${CMAKE_INSTALL_INCLUDEDIR}/kmem-${PROJECT_VERSION_MAJOR}")
set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/kmem")
set(pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# The one of the build tree carries a run path, so that what is built with it runs as it stands.
set(PC_LIBDIR "\${pcfiledir}")
set(PC_INCLUDEDIR "${PROJECT_SOURCE_DIR}/include")
set(PC_RPATH "-Wl,-rpath,\${libdir} ")
configure_file(cmake/kmem.pc.in "${PROJECT_BINARY_DIR}/kmem.pc" @ONLY)

file(RELATIVE_PATH up "/${pc_dir}" "/")
set(PC_LIBDIR "\${pcfiledir}/${up}${CMAKE_INSTALL_LIBDIR}")
set(PC_INCLUDEDIR "\${pcfiledir}/${up}${include_dir}")
set(PC_RPATH "")
configure_file(cmake/kmem.pc.in "${PROJECT_BINARY_DIR}/installed/kmem.pc" @ONLY)

configure_package_config_file(cmake/kmemConfig.cmake.in "${PROJECT_BINARY_DIR}/kmemConfig.cmake"
  INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/kmemConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
export(TARGETS kmem_shared kmem_malloc_shared kmem_driver kmem_driver_static NAMESPACE kmem:: FILE "${PROJECT_BINARY_DIR}/kmemTargets.cmake")
configure_file(cmake/kmemTesting.cmake "${PROJECT_BINARY_DIR}/kmemTesting.cmake" COPYONLY)
include(kmemTesting)
