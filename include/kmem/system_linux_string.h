/* The system's own <linux/string.h>; see system_linux_types.h. */
#pragma GCC system_header
#if __STDC_HOSTED__ && __has_include_next(<linux/string.h>)
#include_next <linux/string.h>
#endif
