#ifndef KMEM_LINUX_PREFETCH_H
#define KMEM_LINUX_PREFETCH_H
#include <asm/processor.h>
#define spin_lock_prefetch(lock) prefetchw(lock)
static inline void prefetch_range(const void* address, unsigned long bytes) {
  const char* at = (const char*)address;
  for (; at < (const char*)address + bytes; at += 64) prefetch(at);
}
#endif
