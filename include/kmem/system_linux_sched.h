/* The system's own <linux/sched.h>, the flags of clone(); see system_linux_types.h. */
#pragma GCC system_header
#if __STDC_HOSTED__ && __has_include_next(<linux/sched.h>)
#include_next <linux/sched.h>
#endif
