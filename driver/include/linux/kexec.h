#ifndef KMEM_LINUX_KEXEC_H
#define KMEM_LINUX_KEXEC_H
/* No kernel is loaded for a crash. */
static inline int kexec_crash_loaded(void) { return 0; }
#endif
