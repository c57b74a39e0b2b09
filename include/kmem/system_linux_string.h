/* The system's own <linux/string.h>; see system_linux_types.h. */
#pragma GCC system_header
#if __STDC_HOSTED__
#if __has_include_next(<kmem/system_linux_string.h>)
#include_next <kmem/system_linux_string.h>
#elif __has_include_next(<linux/string.h>)
#define KMEM_SYSTEM_LINUX_STRING
#include_next <linux/string.h>
#endif
#if !defined(KMEM_SYSTEM_LINUX_STRING) && __has_include_next(<linux/string.h>)
#define KMEM_SYSTEM_LINUX_STRING
#include_next <linux/string.h>
#endif
#endif
