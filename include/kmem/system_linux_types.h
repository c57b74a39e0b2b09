/* Includes the system's own <linux/types.h>, which glibc and the user-space kernel headers expect. No include guard. If several
 * directories contain kmem's headers (an installed kmem and a checkout), the first one's includes the last one's, and that
 * searches the directories behind it, to avoid endless recursion. Only if the system's header is not behind the last one, the
 * first one searches itself. */
#pragma GCC system_header /* include_next is an extension, about which -Wpedantic would warn every user */
#if __STDC_HOSTED__
#if __has_include_next(<kmem/system_linux_types.h>)
#include_next <kmem/system_linux_types.h>
#elif __has_include_next(<linux/types.h>)
#define KMEM_SYSTEM_LINUX_TYPES
#include_next <linux/types.h>
#endif
#if !defined(KMEM_SYSTEM_LINUX_TYPES) && __has_include_next(<linux/types.h>)
#define KMEM_SYSTEM_LINUX_TYPES
#include_next <linux/types.h>
#endif
#endif
