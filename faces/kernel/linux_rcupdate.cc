// rcu_*, synchronize_rcu(), call_rcu(), kfree_rcu().

#include <kmem/kvmalloc.h>
#include <linux/rcupdate.h>

#include "sleeping.h"
#include "system/system.h"
#include "watch/context.h"
#include "watch/report.h"

namespace {

using kmem::Rcu;
using kmem::RcuHead;

static_assert(sizeof(RcuHead) == sizeof(struct callback_head));

/// When a multiple of so many callbacks wait, call_rcu() itself advances the grace period.
constexpr uint64_t kMany = 256;

Rcu& rcu() { return kmem::system().rcu; }
RcuHead* inside(struct rcu_head* head) { return reinterpret_cast<RcuHead*>(head); }

void drive() {
  if (rcu().nr_waiting() % kMany || !kmem::may_sleep()) return;
  rcu().poll();
}

/// Reports a wait inside a read section, which could not end.
KMEM_COLD void wait_as_reader() {
  kmem::bug_report(kmem::Trouble::Bug, "synchronize_rcu() in a read-side section: it waits for the other readers only");
  unsigned depth = 0;
  for (; Rcu::is_reader(); ++depth) rcu().read_unlock();
  rcu().synchronize();
  while (depth--) rcu().read_lock();
}

/// Reports a wait inside a callback, which would wait for itself.
KMEM_COLD void refuse_to_wait() {
  kmem::bug_report(kmem::Trouble::Bug, "synchronize_rcu() or rcu_barrier() in a callback of call_rcu(): it does not wait");
}

}  // namespace

void kmem::free_behind_readers(void* block) { kvfree(block); }

extern "C" {

void rcu_read_lock() noexcept { rcu().read_lock(); }

void rcu_read_unlock() noexcept {
  if (KMEM_LIKELY(Rcu::is_reader())) return rcu().read_unlock();
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, kmem::Trouble::Bug, "rcu_read_unlock() without rcu_read_lock()");
}

int rcu_read_lock_held() noexcept { return Rcu::is_reader(); }

static void wait_for_readers() {
  if (!kmem::boot()) return;
  if (rcu().is_calling()) return refuse_to_wait();
  Rcu::is_reader() ? wait_as_reader() : rcu().synchronize();
}

void synchronize_rcu() noexcept {
  KMEM_MIGHT_SLEEP();
  wait_for_readers();
}
void rcu_barrier() noexcept {
  KMEM_MIGHT_SLEEP();
  wait_for_readers();
}

void kvfree_rcu_barrier() noexcept {
  KMEM_MIGHT_SLEEP();
  wait_for_readers();
}

void call_rcu(struct rcu_head* head, rcu_callback_t func) noexcept {
  if (!kmem::boot()) return;
  rcu().call(inside(head), reinterpret_cast<void (*)(RcuHead*)>(func));
  drive();
}

void kmem_free_rcu(struct rcu_head* head, size_t offset) noexcept {
  if (offset >= Rcu::kFirstFunction)
    return kmem::bug_report(kmem::Trouble::Bug,
                            "kfree_rcu(%p): its rcu_head lies %zu bytes behind the start, more than 4095; nothing is freed",
                            reinterpret_cast<char*>(head) - offset, offset);
  rcu().call_free(inside(head), offset);
  drive();
}

void kfree_rcu_mightsleep(const void* pointer) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!pointer) return;
  wait_for_readers();
  kvfree(pointer);
}

void kmem_rcu_poll() noexcept {
  if (kmem::may_sleep()) rcu().poll();
}

}  // extern "C"
