#ifndef KMEM_LINUX_U64_STATS_SYNC_H
#define KMEM_LINUX_U64_STATS_SYNC_H
/* Counters of 64 bits that one side writes and another reads whole.  A 64-bit machine reads them in one step, so that a reader
 * never has to retry.  Any context.  Meaning: the kernel's <linux/u64_stats_sync.h>. */
#include <kmem/driver_face.h>
#include <linux/irqflags.h>
#include <linux/types.h>

struct u64_stats_sync {
  int kmem_none;
};
typedef struct {
  u64 kmem_value;
} u64_stats_t;

KMEM_BEGIN_C
static inline u64 u64_stats_read(const u64_stats_t* p) { return __atomic_load_n(&p->kmem_value, __ATOMIC_RELAXED); }
static inline void u64_stats_set(u64_stats_t* p, u64 value) { __atomic_store_n(&p->kmem_value, value, __ATOMIC_RELAXED); }
/** One writer at a time. */
static inline void u64_stats_add(u64_stats_t* p, unsigned long value) { u64_stats_set(p, u64_stats_read(p) + value); }
static inline void u64_stats_sub(u64_stats_t* p, s64 value) { u64_stats_set(p, u64_stats_read(p) - (u64)value); }
static inline void u64_stats_inc(u64_stats_t* p) { u64_stats_add(p, 1); }
static inline void u64_stats_init(struct u64_stats_sync* s) { s->kmem_none = 0; }
static inline void u64_stats_update_begin(struct u64_stats_sync* s) { (void)s; }
static inline void u64_stats_update_end(struct u64_stats_sync* s) { (void)s; }
static inline unsigned long u64_stats_update_begin_irqsave(struct u64_stats_sync* s) { return (void)s, kmem_irq_save(); }
static inline void u64_stats_update_end_irqrestore(struct u64_stats_sync* s, unsigned long flags) {
  (void)s;
  kmem_irq_restore(flags);
}
static inline unsigned int u64_stats_fetch_begin(const struct u64_stats_sync* s) { return (void)s, 0; }
static inline bool u64_stats_fetch_retry(const struct u64_stats_sync* s, unsigned int start) {
  return (void)s, (void)start, false;
}
static inline unsigned int u64_stats_fetch_begin_irq(const struct u64_stats_sync* s) { return u64_stats_fetch_begin(s); }
static inline bool u64_stats_fetch_retry_irq(const struct u64_stats_sync* s, unsigned int start) {
  return u64_stats_fetch_retry(s, start);
}
KMEM_END_C
#endif
