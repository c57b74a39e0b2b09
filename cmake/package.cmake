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

install(TARGETS kmem_shared kmem_malloc_shared EXPORT kmemTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES "${PROJECT_BINARY_DIR}/libkmem.a" "${PROJECT_BINARY_DIR}/libkmem-malloc.a"
  DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET kmem_tool)
  install(TARGETS kmem_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY include/ DESTINATION ${include_dir})
install(FILES "${PROJECT_BINARY_DIR}/installed/kmem.pc" DESTINATION ${pc_dir})
foreach(section 1 3 7)
  file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/man/*.${section}")
  if(pages)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endif()
endforeach()

configure_package_config_file(cmake/kmemConfig.cmake.in "${PROJECT_BINARY_DIR}/kmemConfig.cmake"
  INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/kmemConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
export(EXPORT kmemTargets NAMESPACE kmem:: FILE "${PROJECT_BINARY_DIR}/kmemTargets.cmake")
install(EXPORT kmemTargets NAMESPACE kmem:: DESTINATION ${config_dir})
install(FILES "${PROJECT_BINARY_DIR}/kmemConfig.cmake" "${PROJECT_BINARY_DIR}/kmemConfigVersion.cmake"
  DESTINATION ${config_dir})
