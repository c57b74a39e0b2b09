#ifndef KMEM_LINUX_BIT_SPINLOCK_H
#define KMEM_LINUX_BIT_SPINLOCK_H
/* One bit of a word as a spin lock: the holder must not sleep. */
#include <asm/processor.h>
#include <linux/bitops.h>
#include <linux/preempt.h>

static inline int bit_spin_trylock(int bit, unsigned long* word) {
  preempt_disable();
  if (!test_and_set_bit_lock(bit, word)) return 1;
  preempt_enable();
  return 0;
}
static inline void bit_spin_lock(int bit, unsigned long* word) {
  while (!bit_spin_trylock(bit, word))
    while (test_bit(bit, word)) cpu_relax();
}
static inline void bit_spin_unlock(int bit, unsigned long* word) {
  clear_bit_unlock(bit, word);
  preempt_enable();
}
static inline void __bit_spin_unlock(int bit, unsigned long* word) { bit_spin_unlock(bit, word); }
static inline int bit_spin_is_locked(int bit, unsigned long* word) { return test_bit(bit, word); }
#endif
