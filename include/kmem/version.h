#ifndef KMEM_VERSION_H
#define KMEM_VERSION_H
/* The version that a program was compiled with, by macros, and the one that it runs with, by functions: with the shared library
 * the two may differ. Compatibility between versions: docs/stability.md. The build reads its version from here. */
#include <kmem/c_face.h>

#define KMEM_VERSION_MAJOR 0
#define KMEM_VERSION_MINOR 1
#define KMEM_VERSION_PATCH 0
#define KMEM_VERSION_STRING "0.1.0"

/** Versions as comparable numbers, as the kernel's KERNEL_VERSION(): a third part above 255 counts as 255. */
#define KMEM_VERSION_OF(major, minor, patch) (((major) << 16) + ((minor) << 8) + ((patch) > 255 ? 255 : (patch)))
#define KMEM_VERSION_CODE KMEM_VERSION_OF(KMEM_VERSION_MAJOR, KMEM_VERSION_MINOR, KMEM_VERSION_PATCH)

KMEM_BEGIN_C

/** The library's version: "0.1.0".  Any context. */
KMEM_API const char* kmem_version(void) KMEM_NOTHROW;
/** The library's version as a number of KMEM_VERSION_OF().  Any context. */
KMEM_API unsigned int kmem_version_code(void) KMEM_NOTHROW;

KMEM_END_C

#endif
