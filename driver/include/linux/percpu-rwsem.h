#ifndef KMEM_LINUX_PERCPU_RWSEM_H
#define KMEM_LINUX_PERCPU_RWSEM_H
/* Many readers, and a writer now and then; all may sleep.  Works as <linux/rwsem.h>, and costs the same here.
 * Meaning: the kernel's Documentation/locking/percpu-rw-semaphore.rst. */
#include <linux/rwsem.h>

struct percpu_rw_semaphore {
  struct rw_semaphore kmem_sem;
};
#define DEFINE_PERCPU_RWSEM(name) struct percpu_rw_semaphore name = {{{0, 0, NULL, NULL, NULL}, #name}}
#define DEFINE_STATIC_PERCPU_RWSEM(name) static DEFINE_PERCPU_RWSEM(name)

KMEM_BEGIN_C
static inline void percpu_down_read(struct percpu_rw_semaphore* s) { down_read(&s->kmem_sem); }
static inline bool percpu_down_read_trylock(struct percpu_rw_semaphore* s) { return down_read_trylock(&s->kmem_sem) != 0; }
static inline void percpu_up_read(struct percpu_rw_semaphore* s) { up_read(&s->kmem_sem); }
static inline void percpu_down_write(struct percpu_rw_semaphore* s) { down_write(&s->kmem_sem); }
static inline void percpu_up_write(struct percpu_rw_semaphore* s) { up_write(&s->kmem_sem); }
static inline bool percpu_is_write_locked(struct percpu_rw_semaphore* s) {
  return __atomic_load_n(&s->kmem_sem.kmem_lock.holders, __ATOMIC_RELAXED) < 0;
}
static inline void percpu_free_rwsem(struct percpu_rw_semaphore* s) { (void)s; }
KMEM_END_C
/** 0. */
#define percpu_init_rwsem(s)    \
  __extension__({               \
    init_rwsem(&(s)->kmem_sem); \
    0;                          \
  })
#endif
