#ifndef KMEM_LINUX_CACHE_H
#define KMEM_LINUX_CACHE_H
/* Cache lines: of 64 bytes, or of what the compiler was told.  The attributes are in <linux/compiler_attributes.h>. */
#include <linux/align.h>
#include <linux/compiler_types.h>
#ifndef L1_CACHE_SHIFT
#define L1_CACHE_SHIFT 6
#endif
#ifndef L1_CACHE_BYTES
#define L1_CACHE_BYTES (1 << L1_CACHE_SHIFT)
#endif
#ifndef SMP_CACHE_BYTES
#define SMP_CACHE_BYTES L1_CACHE_BYTES
#endif
#define INTERNODE_CACHE_SHIFT L1_CACHE_SHIFT
#define L1_CACHE_ALIGN(x) ALIGN(x, L1_CACHE_BYTES)
#ifndef ____cacheline_aligned
#define ____cacheline_aligned __attribute__((__aligned__(SMP_CACHE_BYTES)))
#define ____cacheline_aligned_in_smp ____cacheline_aligned
#define __cacheline_aligned ____cacheline_aligned
#define __cacheline_aligned_in_smp ____cacheline_aligned
#define ____cacheline_internodealigned_in_smp ____cacheline_aligned
#endif
#ifndef __read_mostly
#define __read_mostly
#define __ro_after_init
#endif
static inline int cache_line_size(void) { return L1_CACHE_BYTES; }
#endif
