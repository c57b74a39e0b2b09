/* Numbers of ioctls: the system's header.  A kernel's own, where a driver is compiled against it, leaves one macro to
 * another. */
#include_next <linux/ioctl.h>

#ifndef _IOC_TYPECHECK
#define _IOC_TYPECHECK(type) (sizeof(type))
#endif
