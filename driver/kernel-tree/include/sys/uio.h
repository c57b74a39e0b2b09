/* What drivers' headers take from <sys/uio.h>, from the kernel. */
#include <linux/compiler_types.h>
#include <uapi/linux/uio.h>
