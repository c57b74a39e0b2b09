/* What drivers' headers take from <fcntl.h>, from the kernel. */
#include <uapi/asm-generic/fcntl.h>
