/* The system's own <linux/kernel.h>; see system_linux_types.h. */
#pragma GCC system_header
#if __STDC_HOSTED__ && __has_include_next(<linux/kernel.h>)
#include_next <linux/kernel.h>
#endif
