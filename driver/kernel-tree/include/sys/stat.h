/* What drivers' headers take from <sys/stat.h>, from the kernel. */
#include <linux/stat.h>
