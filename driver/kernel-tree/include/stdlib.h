/* What drivers' headers take from <stdlib.h>, from the kernel. */
#include <linux/types.h>
