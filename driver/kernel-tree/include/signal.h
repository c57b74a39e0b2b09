/* What drivers' headers take from <signal.h>, from the kernel. */
#include <asm/signal.h>
#include <linux/types.h>
