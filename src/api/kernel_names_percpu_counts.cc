// <linux/percpu_counter.h> and <linux/percpu-refcount.h>.

#define KMEM_PERCPU_NO_STATIC
#include <linux/percpu-refcount.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>

#include "api/percpu_world.h"
#include "api/system.h"
#include "percpu/percpu_counter.h"
#include "percpu/percpu_ref.h"
#include "port/port.h"
#include "watch/report.h"

namespace {

using kmem::PercpuCounter;
using kmem::PercpuRef;
using kmem::Trouble;

constexpr int kNoMemory = 12;  // ENOMEM

kmem::Copies& copies() { return kmem::percpu().copies; }
PercpuCounter& inner(struct percpu_counter* counter) { return *reinterpret_cast<PercpuCounter*>(counter); }
PercpuRef& inner(struct percpu_ref* ref) { return *reinterpret_cast<PercpuRef*>(ref); }

}  // namespace

static_assert(sizeof(struct percpu_counter) == sizeof(PercpuCounter) &&
              offsetof(struct percpu_counter, counters) == offsetof(PercpuCounter, parts));
static_assert(sizeof(struct percpu_ref) == sizeof(PercpuRef) &&
              offsetof(struct percpu_ref, release) == offsetof(PercpuRef, release));

extern "C" {

// Counters ---------------------------------------------------------------------------------------------------------

int kmem_percpu_counter_batch() noexcept {
  constexpr uint32_t kLeast = 32;
  const uint32_t twice = kmem::boot() ? 2 * copies().nr_cpus() : 0;
  return static_cast<int>(twice > kLeast ? twice : kLeast);
}

int percpu_counter_init(struct percpu_counter* counter, int64_t amount, gfp_t flags) noexcept {
  *counter = {};
  counter->counters = static_cast<int64_t*>(__alloc_percpu_gfp(sizeof(int64_t), alignof(int64_t), flags));
  counter->count = amount;
  return counter->counters ? 0 : -kNoMemory;
}

void percpu_counter_destroy(struct percpu_counter* counter) noexcept {
  free_percpu(counter->counters);
  counter->counters = nullptr;
}

int percpu_counter_init_many(struct percpu_counter* counters, int64_t amount, gfp_t flags, uint32_t nr) noexcept {
  for (uint32_t i = 0; i < nr; ++i) {
    if (!percpu_counter_init(&counters[i], amount, flags)) continue;
    percpu_counter_destroy_many(counters, i);
    return -kNoMemory;
  }
  return 0;
}

void percpu_counter_destroy_many(struct percpu_counter* counters, uint32_t nr) noexcept {
  for (uint32_t i = 0; i < nr; ++i) percpu_counter_destroy(&counters[i]);
}

void percpu_counter_sync(struct percpu_counter* counter) noexcept { inner(counter).fold(copies()); }
void percpu_counter_add_batch(struct percpu_counter* counter, int64_t amount, int32_t batch) noexcept {
  inner(counter).add(copies(), amount, batch);
}
void percpu_counter_set(struct percpu_counter* counter, int64_t amount) noexcept {
  inner(counter).set(copies(), amount);
}
int64_t __percpu_counter_sum(struct percpu_counter* counter) noexcept { return inner(counter).sum(copies()); }
int __percpu_counter_compare(struct percpu_counter* counter, int64_t value, int32_t batch) noexcept {
  return inner(counter).compare(copies(), value, batch);
}

bool percpu_counter_limited_add(struct percpu_counter* counter, int64_t limit, int64_t amount) noexcept {
  if (!amount) return true;
  inner(counter).add(copies(), amount, kmem_percpu_counter_batch());
  const int compared = __percpu_counter_compare(counter, limit, kmem_percpu_counter_batch());
  if (amount > 0 ? compared <= 0 : compared >= 0) return true;
  inner(counter).add(copies(), -amount, kmem_percpu_counter_batch());
  return false;
}

// References -------------------------------------------------------------------------------------------------------

int percpu_ref_init(struct percpu_ref* ref, percpu_ref_func_t* release, unsigned int flags, gfp_t gfp) noexcept {
  // Parts are of use only where there are sequences to change them by, and a fence to end that.
  char* parts = nullptr;
  if (kmem::boot() && copies().sequences() && kmem_port_fence_cpus()) {
    parts = static_cast<char*>(__alloc_percpu_gfp(sizeof(int64_t), alignof(int64_t), gfp));
    if (!parts) return -kNoMemory;
  }
  inner(ref).init(parts, reinterpret_cast<PercpuRef::Release>(release), flags & PERCPU_REF_INIT_ATOMIC,
                  flags & PERCPU_REF_INIT_DEAD);
  return 0;
}

void percpu_ref_exit(struct percpu_ref* ref) noexcept {
  free_percpu(ref->counts);
  ref->counts = nullptr;
  inner(ref).mode.store(PercpuRef::kAtomic | PercpuRef::kDead | PercpuRef::kStaysAtomic);
}

void percpu_ref_get_many(struct percpu_ref* ref, unsigned long n) noexcept {
  inner(ref).get(copies(), static_cast<int64_t>(n));
}
void percpu_ref_put_many(struct percpu_ref* ref, unsigned long n) { inner(ref).put(copies(), static_cast<int64_t>(n)); }
bool percpu_ref_tryget_many(struct percpu_ref* ref, unsigned long n) noexcept {
  return inner(ref).try_get(copies(), static_cast<int64_t>(n));
}
bool percpu_ref_tryget_live(struct percpu_ref* ref) { return inner(ref).try_get_live(copies(), 1); }

void percpu_ref_kill_and_confirm(struct percpu_ref* ref, percpu_ref_func_t* confirm) {
  // The confirmation comes before the reference is put: release() may end the object.
  PercpuRef& r = inner(ref);
  if (!r.mark_dead(copies()))
    return kmem::bug_report(Trouble::Warning, "percpu_ref_kill() called more than once on %p", static_cast<void*>(ref));
  if (confirm) confirm(ref);
  r.put(copies(), 1);
}

void percpu_ref_resurrect(struct percpu_ref* ref) noexcept {
  if (!inner(ref).is_dead())
    return kmem::bug_report(Trouble::Warning, "percpu_ref_resurrect() of %p, which lives", static_cast<void*>(ref));
  inner(ref).resurrect(copies());
}
void percpu_ref_reinit(struct percpu_ref* ref) noexcept {
  if (!inner(ref).is_zero())
    return kmem::bug_report(Trouble::Warning, "percpu_ref_reinit() of %p, which is still referred to",
                            static_cast<void*>(ref));
  percpu_ref_resurrect(ref);
}

void percpu_ref_switch_to_atomic(struct percpu_ref* ref, percpu_ref_func_t* confirm) {
  inner(ref).switch_to_atomic(copies());
  if (confirm) confirm(ref);
}
void percpu_ref_switch_to_atomic_sync(struct percpu_ref* ref) noexcept { inner(ref).switch_to_atomic(copies()); }
void percpu_ref_switch_to_percpu(struct percpu_ref* ref) noexcept { inner(ref).switch_to_percpu(copies()); }
bool percpu_ref_is_dying(struct percpu_ref* ref) noexcept { return inner(ref).is_dead(); }
bool percpu_ref_is_zero(struct percpu_ref* ref) noexcept { return inner(ref).is_zero(); }

}  // extern "C"
