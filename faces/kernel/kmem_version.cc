// The library's version.

#include <kmem/version.h>

extern "C" {

const char* kmem_version(void) noexcept { return KMEM_VERSION_STRING; }

unsigned int kmem_version_code(void) noexcept { return KMEM_VERSION_CODE; }

}  // extern "C"
