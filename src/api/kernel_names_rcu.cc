// rcu_*, synchronize_rcu(), call_rcu(), kfree_rcu().

#include <kmem/kvmalloc.h>
#include <linux/rcupdate.h>

#include "api/system.h"
#include "watch/context.h"
#include "watch/report.h"

namespace {

using kmem::Rcu;
using kmem::RcuHead;

static_assert(sizeof(RcuHead) == sizeof(struct callback_head));

/// So many that nobody waits for are driven by who brings more.
constexpr uint64_t kMany = 256;

Rcu& rcu() { return kmem::system().rcu; }
RcuHead* inside(struct rcu_head* head) { return reinterpret_cast<RcuHead*>(head); }

void drive() {
  if (rcu().nr_waiting() % kMany || Rcu::is_reader() || !kmem::may_sleep()) return;
  rcu().poll();
}

/// Its own section cannot end while it waits.
KMEM_COLD void wait_as_reader() {
  kmem::bug_report(kmem::Trouble::Bug, "synchronize_rcu() in a read-side section: it waits for the other readers only");
  unsigned depth = 0;
  for (; Rcu::is_reader(); ++depth) rcu().read_unlock();
  rcu().synchronize();
  while (depth--) rcu().read_lock();
}

}  // namespace

extern "C" {

void rcu_read_lock() noexcept { rcu().read_lock(); }

void rcu_read_unlock() noexcept {
  if (KMEM_LIKELY(Rcu::is_reader())) return rcu().read_unlock();
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, kmem::Trouble::Bug, "rcu_read_unlock() without rcu_read_lock()");
}

int rcu_read_lock_held() noexcept { return Rcu::is_reader(); }

void synchronize_rcu() noexcept {
  if (!kmem::boot()) return;
  Rcu::is_reader() ? wait_as_reader() : rcu().synchronize();
}
void rcu_barrier() noexcept { synchronize_rcu(); }

void call_rcu(struct rcu_head* head, rcu_callback_t func) noexcept {
  if (!kmem::boot()) return;
  rcu().call(inside(head), reinterpret_cast<void (*)(RcuHead*)>(func));
  drive();
}

void kmem_free_rcu(struct rcu_head* head, size_t offset) noexcept {
  if (offset >= Rcu::kFirstFunction)
    return kmem::bug_report(
        kmem::Trouble::Bug,
        "kfree_rcu(%p): its rcu_head lies %zu bytes behind the start, more than 4095; nothing is freed",
        reinterpret_cast<char*>(head) - offset, offset);
  rcu().call_free(inside(head), offset);
  drive();
}

void kfree_rcu_mightsleep(const void* pointer) noexcept {
  synchronize_rcu();
  kvfree(pointer);
}

void kmem_rcu_poll() noexcept {
  if (!Rcu::is_reader()) rcu().poll();
}

}  // extern "C"
