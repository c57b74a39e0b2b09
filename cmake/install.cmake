# What `cmake --install` does: libraries, headers, the tool, manual pages, what pkg-config and CMake need.

install(TARGETS kmem_shared kmem_malloc_shared EXPORT kmemTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS kmem_driver kmem_driver_static EXPORT kmemTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
# Nobody links this one, and only the tool looks for it: it has no version, and a folder of its own.
install(TARGETS kmem_exit_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/kmem)
install(TARGETS kmem_driver_host RUNTIME DESTINATION ${CMAKE_INSTALL_LIBDIR}/kmem)
install(FILES "${PROJECT_BINARY_DIR}/libkmem.a" "${PROJECT_BINARY_DIR}/libkmem-malloc.a"
  DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET kmem_tool)
  install(TARGETS kmem_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} OPTIONAL)
  install(PROGRAMS tools/kmem-ci DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY include/ DESTINATION ${include_dir})
install(DIRECTORY driver/include/ DESTINATION ${include_dir}/driver)
install(FILES "${PROJECT_BINARY_DIR}/installed/kmem.pc" DESTINATION ${pc_dir})
# Those of section 3 are written from the headers: tools/manual.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND AND Python3_VERSION VERSION_GREATER_EQUAL 3.11)
  file(GLOB_RECURSE manual_of CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/*.h" "${PROJECT_SOURCE_DIR}/docs/man/*")
  set(made_manual "${PROJECT_BINARY_DIR}/made/man")
  add_custom_command(OUTPUT "${made_manual}/man7/gfp_flags.7" VERBATIM
    COMMAND ${Python3_EXECUTABLE} "${PROJECT_SOURCE_DIR}/tools/manual" "${made_manual}"
    DEPENDS ${manual_of} "${PROJECT_SOURCE_DIR}/tools/manual" COMMENT "Writing manual pages")
  add_custom_target(kmem_manual ALL DEPENDS "${made_manual}/man7/gfp_flags.7")
  add_dependencies(kmem_product kmem_manual)
  install(DIRECTORY "${made_manual}/" DESTINATION ${CMAKE_INSTALL_MANDIR} OPTIONAL)
endif()
foreach(section 1 3 7)
  file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/man/*.${section}")
  if(pages)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endif()
endforeach()

install(EXPORT kmemTargets NAMESPACE kmem:: DESTINATION ${config_dir})
install(FILES cmake/kmemTesting.cmake DESTINATION ${config_dir})
install(FILES "${PROJECT_BINARY_DIR}/kmemConfig.cmake" "${PROJECT_BINARY_DIR}/kmemConfigVersion.cmake"
  DESTINATION ${config_dir})
if(TARGET kmem_tool)
  install(FILES docs/grafana-dashboard.json DESTINATION ${CMAKE_INSTALL_DATADIR}/kmem)
  if(NOT CMAKE_CROSSCOMPILING AND NOT KMEM_SANITIZE)
    set(made "${PROJECT_BINARY_DIR}/made/completion")
    install(FILES "${made}.bash" RENAME kmem DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions OPTIONAL)
    install(FILES "${made}.zsh" RENAME _kmem DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions OPTIONAL)
    install(FILES "${made}.fish" RENAME kmem.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d OPTIONAL)
  endif()
endif()
