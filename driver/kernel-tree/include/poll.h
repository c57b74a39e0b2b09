/* What drivers' headers take from <poll.h>, from the kernel. */
#include <asm/poll.h>
