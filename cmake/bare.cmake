# A kernel on kmem, for machines without anything else (presets bare-x86_64, bare-i386, bare-arm64): the core, the kernel's names and
# ports/bare, as libkmem-bare.a, and the kernel that tests and shows it.

set(KMEM_BARE_ARCH x86_64 CACHE STRING "Which machine")
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

add_library(kmem_on_bare INTERFACE)
target_include_directories(kmem_on_bare INTERFACE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/ports/bare/include"
  "${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/made")
target_compile_definitions(kmem_on_bare INTERFACE KMEM_BARE=1 KMEM_PERCPU_MAX_COPIES=136
  $<$<CONFIG:Debug>:KMEM_DEBUG=1>)
if(KMEM_BARE_ARCH STREQUAL "x86_64")
  # Interrupts use the stack that is there.
  set(processor_options -mno-red-zone -mcmodel=small -fcf-protection=none)
  set(entry bare_entry32)
elseif(KMEM_BARE_ARCH STREQUAL "i386")
  # The compiler of x86-64, for processors with PAE and SSE2.  Words of 64 bits are aligned as on a 64-bit machine: the core
  # changes them in one step.  Linux's headers for both widths are in the folder of the compiler's own.
  set(processor_options -march=pentium4 -mtune=generic -mfpmath=sse -malign-double -fcf-protection=none
    "SHELL:-idirafter /usr/include/x86_64-linux-gnu"
    "$<$<COMPILE_LANGUAGE:C,CXX>:SHELL:-include ${PROJECT_SOURCE_DIR}/ports/bare/i386/lock_prefix.h>")
  set(entry bare_entry32)
elseif(KMEM_BARE_ARCH STREQUAL "arm64")
  # Functions of libgcc that choose atomic instructions ask a host which there are.
  set(processor_options -mcmodel=small -mno-outline-atomics -mbranch-protection=none)
  set(entry bare_header)
else()
  message(FATAL_ERROR "ports/bare has no ${KMEM_BARE_ARCH}; there are x86_64, i386 and arm64")
endif()
target_compile_options(kmem_on_bare INTERFACE ${processor_options} -fno-pic -fno-stack-protector
  -fno-asynchronous-unwind-tables $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-use-cxa-atexit>)
include(made)

file(GLOB_RECURSE core_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.cc")
file(GLOB kernel_face_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/faces/kernel/*.cc")
file(GLOB port_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/ports/bare/*.cc"
  "${PROJECT_SOURCE_DIR}/ports/bare/${KMEM_BARE_ARCH}/*.cc" "${PROJECT_SOURCE_DIR}/ports/bare/${KMEM_BARE_ARCH}/*.S")
set(script "${PROJECT_SOURCE_DIR}/ports/bare/${KMEM_BARE_ARCH}/kernel.ld")
if(NOT KMEM_BARE_ARCH STREQUAL "arm64")
  # What x86-64 and i386 have in common.
  file(GLOB x86_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/ports/bare/x86/*.cc")
  list(APPEND port_sources ${x86_sources})
  set(script "${PROJECT_SOURCE_DIR}/ports/bare/x86/kernel.ld")
endif()
file(GLOB common_port_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/ports/common/*.cc")

add_library(kmem-bare STATIC ${core_sources} ${kernel_face_sources} ${port_sources} ${common_port_sources})
add_dependencies(kmem-bare kmem_layout)
target_include_directories(kmem-bare PRIVATE "${PROJECT_SOURCE_DIR}/ports/bare")
target_link_libraries(kmem-bare PUBLIC kmem_on_bare PRIVATE kmem_freestanding)

# A driver's surroundings (docs/driver.md) on the machine itself: libkmem-driver, but for what is of a process.
file(GLOB_RECURSE driver_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/driver/*.cc")
# The host, simulated devices, modules as files, other programs' calls; jiffies as a variable, suites of KUnit, the host's names;
# watchdogs, whose ioctls are the host's.
list(FILTER driver_sources EXCLUDE REGEX "/driver/(host|kunit|pci/simulated|watchdog)/|/(simulated_ports|copies|thread|objects|caller|ticker|linux_random|linux_utsname)\\.cc$")
file(GLOB bare_driver_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/ports/bare/driver/*.cc")
add_library(kmem-bare-driver STATIC ${driver_sources} ${bare_driver_sources})
target_include_directories(kmem-bare-driver BEFORE PUBLIC "${PROJECT_SOURCE_DIR}/driver/include")
target_include_directories(kmem-bare-driver PRIVATE "${PROJECT_SOURCE_DIR}/driver" "${PROJECT_SOURCE_DIR}/ports/bare")
target_link_libraries(kmem-bare-driver PUBLIC kmem_on_bare PRIVATE kmem_inside)
target_compile_options(kmem-bare-driver PRIVATE -fno-threadsafe-statics -fno-stack-protector -U_FORTIFY_SOURCE)
add_dependencies(kmem-bare-driver kmem_layout)

# kmem_kernel(NAME source...): an image that a loader starts.  It is linked twice: the second time with the names of the
# functions that the first one has, for stack traces.
function(kmem_kernel name)
  set(port "${PROJECT_SOURCE_DIR}/ports/bare")
  set(table "${PROJECT_BINARY_DIR}/made/${name}_symbols.S")
  add_library(${name}_objects OBJECT ${ARGN})
  target_link_libraries(${name}_objects PUBLIC kmem_on_bare PRIVATE kmem_warnings)
  add_dependencies(${name}_objects kmem_layout)
  add_executable(${name}_nameless $<TARGET_OBJECTS:${name}_objects>)
  add_custom_command(OUTPUT "${table}" COMMAND "${port}/symbol_table" $<TARGET_FILE:${name}_nameless> "${table}" "${CMAKE_NM}"
    DEPENDS ${name}_nameless "${port}/symbol_table" VERBATIM)
  add_executable(${name} $<TARGET_OBJECTS:${name}_objects> "${table}")
  foreach(image ${name}_nameless ${name})
    target_link_libraries(${image} PRIVATE kmem-bare -Wl,--start-group -lstdc++ -lgcc -Wl,--end-group)
    target_link_options(${image} PRIVATE -nostdlib -static -no-pie -Wl,-T,${script} -Wl,--build-id=none -Wl,-z,noexecstack
      -Wl,-u,${entry} -Wl,--no-warn-rwx-segments)
    set_target_properties(${image} PROPERTIES LINK_DEPENDS "${script}" SUFFIX ".elf")
  endforeach()
  if(KMEM_BARE_ARCH STREQUAL "arm64")
    # What arm64's loaders start: the image without ELF's headers (ports/bare/arm64/boot.S).
    add_custom_command(TARGET ${name} POST_BUILD
      COMMAND "${CMAKE_OBJCOPY}" -O binary $<TARGET_FILE:${name}> "${PROJECT_BINARY_DIR}/${name}.img" VERBATIM)
  endif()
endfunction()

set(tests "${PROJECT_SOURCE_DIR}/tests")

# kmem_test_objects(TARGET): what tests are compiled with.
function(kmem_test_objects objects)
  target_include_directories(${objects} BEFORE PRIVATE "${tests}/bare/shim")
  target_include_directories(${objects} PRIVATE "${tests}" "${PROJECT_SOURCE_DIR}/ports/bare")
  # No instance of a template comes from a library.
  target_compile_definitions(${objects} PRIVATE _GLIBCXX_EXTERN_TEMPLATE=0)
  target_compile_options(${objects} PRIVATE -fno-threadsafe-statics -fno-rtti -fno-omit-frame-pointer -U_FORTIFY_SOURCE)
endfunction()

# kmem_test_kernel(NAME source...): one with tests in it, and a small GoogleTest of our own.
function(kmem_test_kernel name)
  kmem_kernel(${name} ${ARGN} "${tests}/bare/shim/runner.cc" "${tests}/bare/shim/runtime.cc")
  kmem_test_objects(${name}_objects)
endfunction()

# The kernel that shows kmem, with its monitor, and the tests of the kernel's names that know no host.
file(GLOB kernel_sources CONFIGURE_DEPENDS "${tests}/bare/kernel/*.cc")
foreach(name kmalloc krealloc pages)
  list(APPEND kernel_sources "${tests}/unit/kernel_face/${name}_test.cc")
endforeach()
kmem_test_kernel(kmem-kernel ${kernel_sources})

# With it a driver in ordinary kernel style, the program that uses its device, and tests of both.
add_library(edu_driver OBJECT "${PROJECT_SOURCE_DIR}/examples/edu/edu.c")
target_compile_definitions(edu_driver PRIVATE __KERNEL__ MODULE "KBUILD_MODNAME=\"edu\"")
target_compile_options(edu_driver PRIVATE -std=gnu11 -fno-strict-aliasing -fno-omit-frame-pointer -fno-stack-protector -U_FORTIFY_SOURCE)
add_library(edu_program OBJECT "${PROJECT_SOURCE_DIR}/examples/edu/exercise.c")
target_compile_definitions(edu_program PRIVATE main=edu_exercise)
target_compile_options(edu_program PRIVATE -fno-stack-protector -U_FORTIFY_SOURCE -Wno-missing-prototypes)
file(GLOB driver_tests CONFIGURE_DEPENDS "${tests}/bare/driver/*.cc")
add_library(edu_tests OBJECT ${driver_tests})
kmem_test_objects(edu_tests)
target_include_directories(edu_tests PRIVATE "${PROJECT_SOURCE_DIR}")
target_link_libraries(edu_tests PRIVATE kmem_warnings)
foreach(objects edu_driver edu_program edu_tests)
  target_link_libraries(${objects} PRIVATE kmem-bare-driver)
  foreach(image kmem-kernel_nameless kmem-kernel)
    target_sources(${image} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
endforeach()
foreach(image kmem-kernel_nameless kmem-kernel)
  target_link_libraries(${image} PRIVATE kmem-bare-driver kmem-bare)
endforeach()

# Tests of the layers and of the port, which know no host; they run before any kmem is up.
set(layer_tests)
foreach(name port/memory port/window port/tasks port/devices port/diagnosis port/stacks
    unit/boot/bootmem unit/boot/memblock unit/boot/shape_machine unit/sync/cpu_words unit/sync/index_stack unit/sync/sheaf
    unit/page/frame_bits unit/page/page_allocator unit/page/policy unit/page/registry unit/page/zone
    unit/slab/block_table unit/slab/cache unit/slab/heap unit/slab/mapped unit/slab/quarantine unit/slab/slab_shape unit/slab/slab
    unit/vmap/address_map unit/vmap/vmap model/memblock_model model/frame_bits_model model/page_model model/slab_model)
  list(APPEND layer_tests "${tests}/${name}_test.cc")
endforeach()
kmem_test_kernel(kmem-layers ${layer_tests} "${tests}/bare/layers_main.cc")

# For other people's kernels: the archives, the headers (a driver's surroundings have others in front of them), and how to link.
include(GNUInstallDirs)
install(TARGETS kmem-bare ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(TARGETS kmem-bare-driver ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" OPTIONAL)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/driver/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/driver")
install(FILES "${script}" DESTINATION "${CMAKE_INSTALL_DATADIR}/kmem-bare")
install(PROGRAMS "${PROJECT_SOURCE_DIR}/ports/bare/symbol_table" DESTINATION "${CMAKE_INSTALL_DATADIR}/kmem-bare")
