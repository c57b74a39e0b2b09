/* What drivers' headers take from <unistd.h>, from the kernel. */
#include <linux/types.h>
