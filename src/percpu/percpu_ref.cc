#include "percpu/percpu_ref.h"

#include "base/sanitizer.h"
#include "port/port.h"
#include "watch/report.h"

namespace kmem {

void PercpuRef::init(char* variable, Release last, Begin begin) {
  parts = variable;
  release = last;
  switching.poke(0);
  const bool stays = begin.atomic || !variable, atomic = stays || begin.dead;
  count.poke((atomic ? 0 : kBias) + !begin.dead);
  mode.store((atomic ? kAtomic : 0) | (begin.dead ? kDead : 0) | (stays ? kStaysAtomic : 0));
}

bool PercpuRef::change_part(Copies& copies, int64_t n) {
  uint32_t held;
  if (mode.peek() || copies.held(held) || !CpuLocal::join()) return false;
  return CpuLocal::try_add_while(parts, static_cast<uint64_t>(n), reinterpret_cast<const uint64_t*>(&mode), 0);
}

void PercpuRef::put(Copies& copies, int64_t n) {
  KMEM_GIVES(&count);
  if (change(copies, -n) != 0) return;
  KMEM_TAKES(&count);
  release(this);
}

bool PercpuRef::try_get(Copies& copies, int64_t n) {
  if (change_part(copies, n)) return true;
  for (int64_t seen = count.load(); seen > 0;)
    if (count.compare_exchange(seen, seen + n)) return true;
  return false;
}

bool PercpuRef::try_get_live(Copies& copies, int64_t n) {
  if (change_part(copies, n)) return true;
  if (is_dead() || !try_get(copies, n)) return false;
  if (!is_dead()) return true;
  put(copies, n);
  return false;
}

/// Only one task at a time switches the mode.  Task context.
void PercpuRef::lock_switch() {
  for (uint32_t open = 0; !switching.compare_exchange(open, 1); open = 0) switching.wait_for(1, 1'000'000);
}
void PercpuRef::unlock_switch() { switching.store_and_wake_one(0); }

/// Adds the parts to the count. If the host has no fence, no reference uses parts. If it refuses a fence that it had before
/// (because of a new sandbox), the parts may still change: the bias stays in the count, and the last reference is never
/// detected.
void PercpuRef::fold(Copies& copies) {
  if (copies.sequences() && !kmem_port_fence_cpus(Fence::Asked))
    return bug_report(Trouble::Warning, "percpu_ref %p: the host refuses membarrier now; it is never released",
                      static_cast<void*>(this));
  int64_t total = 0;
  for (uint32_t copy = 0; copy < copies.nr_copies(); ++copy)
    total += reinterpret_cast<Atomic<int64_t>*>(parts + percpu_distance(copy))->exchange(0);
  count.fetch_add(total - kBias);
}

bool PercpuRef::mark_dead(Copies& copies) {
  lock_switch();
  const uint64_t before = mode.fetch_or(kDead | kAtomic);
  if (!(before & kAtomic)) fold(copies);
  unlock_switch();
  return !(before & kDead);
}

void PercpuRef::switch_to_atomic(Copies& copies) {
  lock_switch();
  if (!(mode.fetch_or(kAtomic | kStaysAtomic) & kAtomic)) fold(copies);
  unlock_switch();
}

void PercpuRef::switch_to_percpu(Copies&) {
  lock_switch();
  const uint64_t now = mode.load();
  if (parts && !(now & kDead) && (now & kAtomic)) {
    count.fetch_add(kBias);
    mode.store(0);
  } else if (parts) {
    mode.fetch_and(~kStaysAtomic);
  }
  unlock_switch();
}

void PercpuRef::resurrect(Copies& copies) {
  count.fetch_add(1);
  lock_switch();
  const bool stays = mode.fetch_and(~kDead) & kStaysAtomic;
  unlock_switch();
  if (!stays) switch_to_percpu(copies);
}

}  // namespace kmem
