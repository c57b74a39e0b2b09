#ifndef KMEM_LINUX_KPROBES_H
#define KMEM_LINUX_KPROBES_H
/* No probe can be set in this program: a function that must not be probed never is. */
#include <kmem/driver_face.h>

#define __kprobes
#define nokprobe_inline inline
#define NOKPROBE_SYMBOL(function) extern __typeof__(function) function
#endif
