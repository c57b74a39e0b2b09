#ifndef KMEM_LINUX_SEQLOCK_H
#define KMEM_LINUX_SEQLOCK_H
/* Readers that never wait for a lock: they retry if a writer was active meanwhile. A count that is associated with a lock
 * reports a writer that does not hold the lock.  Any context, as far as the lock allows it.  Meaning: the kernel's
 * Documentation/locking/seqlock.rst. */
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

typedef struct seqcount {
  unsigned int sequence; /* odd during a write */
  const void* kmem_lock; /* held by writers; NULL: unknown */
} seqcount_t;
typedef seqcount_t seqcount_spinlock_t;
typedef seqcount_t seqcount_raw_spinlock_t;
typedef seqcount_t seqcount_rwlock_t;
typedef seqcount_t seqcount_mutex_t;
typedef struct {
  seqcount_t seqcount;
  spinlock_t lock;
} seqlock_t;

#define SEQCNT_ZERO(name) \
  { 0, NULL }
#define SEQCNT_SPINLOCK_ZERO(name, lock) \
  { 0, lock }
#define SEQCNT_MUTEX_ZERO(name, lock) \
  { 0, lock }
#define __SEQLOCK_UNLOCKED(name) \
  { {0, NULL}, __SPIN_LOCK_UNLOCKED(name) }
#define DEFINE_SEQLOCK(name) seqlock_t name = __SEQLOCK_UNLOCKED(name)
#define seqcount_init(s) ((void)((s)->sequence = 0, (s)->kmem_lock = NULL))
#define seqcount_spinlock_init(s, lock) ((void)((s)->sequence = 0, (s)->kmem_lock = (lock)))
#define seqcount_raw_spinlock_init(s, lock) seqcount_spinlock_init(s, lock)
#define seqcount_rwlock_init(s, lock) seqcount_spinlock_init(s, lock)
#define seqcount_mutex_init(s, lock) seqcount_spinlock_init(s, lock)
#define seqlock_init(s)            \
  do {                             \
    seqcount_init(&(s)->seqcount); \
    spin_lock_init(&(s)->lock);    \
  } while (0)

KMEM_BEGIN_C
/** Waits until no write is in progress; returns the argument for read_seqcount_retry(). */
static inline unsigned read_seqcount_begin(const seqcount_t* s) {
  unsigned seen;
  while ((seen = __atomic_load_n(&s->sequence, __ATOMIC_ACQUIRE)) & 1) __asm__ volatile("" ::: "memory");
  return seen;
}
static inline unsigned raw_read_seqcount(const seqcount_t* s) { return __atomic_load_n(&s->sequence, __ATOMIC_ACQUIRE); }
static inline unsigned raw_read_seqcount_begin(const seqcount_t* s) { return read_seqcount_begin(s); }
/** Does not wait: during a write the next retry check returns true. */
static inline unsigned raw_seqcount_begin(const seqcount_t* s) { return raw_read_seqcount(s) & ~1u; }
/** Has a write happened since `start`? */
static inline int read_seqcount_retry(const seqcount_t* s, unsigned start) {
  KMEM_DRIVER_FENCE(__ATOMIC_ACQUIRE);
  return __atomic_load_n(&s->sequence, __ATOMIC_RELAXED) != start;
}
static inline int __read_seqcount_retry(const seqcount_t* s, unsigned start) { return read_seqcount_retry(s, start); }
static inline void raw_write_seqcount_begin(seqcount_t* s) {
  __atomic_store_n(&s->sequence, s->sequence + 1, __ATOMIC_RELAXED);
  KMEM_DRIVER_FENCE(__ATOMIC_RELEASE);
}
static inline void raw_write_seqcount_end(seqcount_t* s) { __atomic_store_n(&s->sequence, s->sequence + 1, __ATOMIC_RELEASE); }
static inline void write_seqcount_begin(seqcount_t* s) {
  if (s->kmem_lock) lockdep_assert(kmem_driver_lock_is_held(s->kmem_lock));
  raw_write_seqcount_begin(s);
}
static inline void write_seqcount_end(seqcount_t* s) { raw_write_seqcount_end(s); }
/** Makes all readers that have begun retry. */
static inline void write_seqcount_invalidate(seqcount_t* s) {
  __atomic_store_n(&s->sequence, s->sequence + 2, __ATOMIC_RELEASE);
}

static inline unsigned read_seqbegin(const seqlock_t* s) { return read_seqcount_begin(&s->seqcount); }
static inline unsigned read_seqretry(const seqlock_t* s, unsigned start) {
  return (unsigned)read_seqcount_retry(&s->seqcount, start);
}
static inline void write_seqlock(seqlock_t* s) {
  spin_lock(&s->lock);
  raw_write_seqcount_begin(&s->seqcount);
}
static inline void write_sequnlock(seqlock_t* s) {
  raw_write_seqcount_end(&s->seqcount);
  spin_unlock(&s->lock);
}
static inline void write_seqlock_bh(seqlock_t* s) {
  local_bh_disable();
  write_seqlock(s);
}
static inline void write_sequnlock_bh(seqlock_t* s) {
  write_sequnlock(s);
  local_bh_enable();
}
static inline void write_seqlock_irq(seqlock_t* s) {
  local_irq_disable();
  write_seqlock(s);
}
static inline void write_sequnlock_irq(seqlock_t* s) {
  write_sequnlock(s);
  local_irq_enable();
}
static inline unsigned long kmem_write_seqlock_irqsave_(seqlock_t* s) {
  const unsigned long flags = kmem_irq_save();
  write_seqlock(s);
  return flags;
}
static inline void write_sequnlock_irqrestore(seqlock_t* s, unsigned long flags) {
  write_sequnlock(s);
  kmem_irq_restore(flags);
}
/** Readers that keep writers away. */
static inline void read_seqlock_excl(seqlock_t* s) { spin_lock(&s->lock); }
static inline void read_sequnlock_excl(seqlock_t* s) { spin_unlock(&s->lock); }
/** Reads without the lock first; with it if *sequence is odd. */
static inline void read_seqbegin_or_lock(seqlock_t* s, int* sequence) {
  if (*sequence & 1) read_seqlock_excl(s);
  else *sequence = (int)read_seqbegin(s);
}
static inline int need_seqretry(seqlock_t* s, int sequence) { return !(sequence & 1) && read_seqretry(s, (unsigned)sequence); }
static inline void done_seqretry(seqlock_t* s, int sequence) {
  if (sequence & 1) read_sequnlock_excl(s);
}
KMEM_END_C
#define write_seqlock_irqsave(s, flags) ((void)((flags) = kmem_write_seqlock_irqsave_(s)))
#endif
