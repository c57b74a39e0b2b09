/* The numbers of <limits.h>, from the kernel. */
#include <linux/limits.h>
