/* The system's own <linux/types.h>, which glibc and the user-space kernel headers are written for.
 * No include guard: where two directories hold kmem's headers, each passes on to the next. */
#pragma GCC system_header /* include_next is an extension; -Wpedantic need not say so to every user */
#if __STDC_HOSTED__ && __has_include_next(<linux/types.h>)
#include_next <linux/types.h>
#endif
