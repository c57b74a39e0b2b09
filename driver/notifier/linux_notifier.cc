// Chains of notifiers.

#include <linux/kernel.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/rcupdate.h>

namespace {

/// Blocks of the same priority are called in the order in which they came.
int link_in(notifier_block** at, notifier_block* block) {
  for (const notifier_block* b = *at; b; b = b->next)
    if (WARN(b == block, "notifier callback %p already registered", reinterpret_cast<void*>(block->notifier_call)))
      return -EEXIST;
  while (*at && (*at)->priority >= block->priority) at = &(*at)->next;
  block->next = *at;
  __atomic_store_n(at, block, __ATOMIC_RELEASE);
  return 0;
}

int take_out(notifier_block** at, const notifier_block* block) {
  while (*at && *at != block) at = &(*at)->next;
  if (!*at) return -ENOENT;
  __atomic_store_n(at, block->next, __ATOMIC_RELEASE);
  return 0;
}

int call(notifier_block* const* first, unsigned long action, void* data) {
  int result = NOTIFY_DONE;
  for (notifier_block* b = __atomic_load_n(first, __ATOMIC_ACQUIRE); b && !(result & NOTIFY_STOP_MASK);) {
    notifier_block* next = __atomic_load_n(&b->next, __ATOMIC_ACQUIRE);  // it may unregister itself
    result = b->notifier_call(b, action, data);
    b = next;
  }
  return result;
}

}  // namespace

extern "C" {

ATOMIC_NOTIFIER_HEAD(kmem_driver_panic_notifiers);

int atomic_notifier_chain_register(atomic_notifier_head* chain, notifier_block* block) noexcept {
  unsigned long flags;
  spin_lock_irqsave(&chain->lock, flags);
  const int error = link_in(&chain->head, block);
  spin_unlock_irqrestore(&chain->lock, flags);
  return error;
}
int atomic_notifier_chain_unregister(atomic_notifier_head* chain, notifier_block* block) noexcept {
  unsigned long flags;
  spin_lock_irqsave(&chain->lock, flags);
  const int error = take_out(&chain->head, block);
  spin_unlock_irqrestore(&chain->lock, flags);
  synchronize_rcu();
  return error;
}
int atomic_notifier_call_chain(atomic_notifier_head* chain, unsigned long action, void* data) noexcept {
  rcu_read_lock();
  const int result = call(&chain->head, action, data);
  rcu_read_unlock();
  return result;
}

int blocking_notifier_chain_register(blocking_notifier_head* chain, notifier_block* block) noexcept {
  down_write(&chain->rwsem);
  const int error = link_in(&chain->head, block);
  up_write(&chain->rwsem);
  return error;
}
int blocking_notifier_chain_unregister(blocking_notifier_head* chain, notifier_block* block) noexcept {
  down_write(&chain->rwsem);
  const int error = take_out(&chain->head, block);
  up_write(&chain->rwsem);
  return error;
}
int blocking_notifier_call_chain(blocking_notifier_head* chain, unsigned long action, void* data) noexcept {
  if (!__atomic_load_n(&chain->head, __ATOMIC_RELAXED)) return NOTIFY_DONE;
  down_read(&chain->rwsem);
  const int result = call(&chain->head, action, data);
  up_read(&chain->rwsem);
  return result;
}

int raw_notifier_chain_register(raw_notifier_head* chain, notifier_block* block) noexcept {
  return link_in(&chain->head, block);
}
int raw_notifier_chain_unregister(raw_notifier_head* chain, notifier_block* block) noexcept {
  return take_out(&chain->head, block);
}
int raw_notifier_call_chain(raw_notifier_head* chain, unsigned long action, void* data) noexcept {
  return call(&chain->head, action, data);
}

}  // extern "C"
