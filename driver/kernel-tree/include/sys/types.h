/* What drivers' headers take from <sys/types.h>, from the kernel. */
#include <linux/types.h>
