/* What drivers' headers take from <time.h>, from the kernel. */
#include <linux/types.h>
#include <uapi/linux/time_types.h>
