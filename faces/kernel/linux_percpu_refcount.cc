// <linux/percpu-refcount.h>: reference counts with a part for each CPU.

#define KMEM_PERCPU_NO_STATIC
#include <linux/percpu-refcount.h>
#include <linux/percpu.h>

#include "percpu/percpu_ref.h"
#include "port/port.h"
#include "sleeping.h"
#include "system/percpu_world.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

using kmem::PercpuRef;
using kmem::Trouble;

constexpr int kNoMemory = 12;  // ENOMEM

kmem::Copies& copies() { return kmem::percpu().copies; }
PercpuRef& inner(struct percpu_ref* ref) { return *reinterpret_cast<PercpuRef*>(ref); }

}  // namespace

static_assert(sizeof(struct percpu_ref) == sizeof(PercpuRef) &&
              offsetof(struct percpu_ref, release) == offsetof(PercpuRef, release));

extern "C" {

int percpu_ref_init(struct percpu_ref* ref, percpu_ref_func_t* release, unsigned int flags, gfp_t gfp) noexcept {
  gfp = KMEM_GFP_HERE(gfp);
  // Parts need restartable sequences to change them, and a fence to stop that.
  char* parts = nullptr;
  if (kmem::boot() && copies().sequences() && kmem_port_fence_cpus(kmem::Fence::Later)) {
    parts = static_cast<char*>(__alloc_percpu_gfp(sizeof(int64_t), alignof(int64_t), gfp));
    if (!parts) return -kNoMemory;
  }
  inner(ref).init(parts, reinterpret_cast<PercpuRef::Release>(release),
                  {.atomic = (flags & PERCPU_REF_INIT_ATOMIC) != 0, .dead = (flags & PERCPU_REF_INIT_DEAD) != 0});
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
  // Confirms before it puts the reference, because release() may free the object.
  PercpuRef& r = inner(ref);
  if (!r.mark_dead(copies()))
    return kmem::bug_report(Trouble::Warning, "percpu_ref_kill() called more than once on %p", static_cast<void*>(ref));
  if (confirm) confirm(ref);
  r.put(copies(), 1);
}

void percpu_ref_resurrect(struct percpu_ref* ref) noexcept {
  if (!inner(ref).is_dead())
    return kmem::bug_report(Trouble::Warning, "percpu_ref_resurrect() of %p, which is not dead", static_cast<void*>(ref));
  inner(ref).resurrect(copies());
}
void percpu_ref_reinit(struct percpu_ref* ref) noexcept {
  if (!inner(ref).is_zero())
    return kmem::bug_report(Trouble::Warning, "percpu_ref_reinit() of %p, which is still referred to", static_cast<void*>(ref));
  percpu_ref_resurrect(ref);
}

void percpu_ref_switch_to_atomic(struct percpu_ref* ref, percpu_ref_func_t* confirm) {
  inner(ref).switch_to_atomic(copies());
  if (confirm) confirm(ref);
}
void percpu_ref_switch_to_atomic_sync(struct percpu_ref* ref) noexcept {
  KMEM_MIGHT_SLEEP();
  inner(ref).switch_to_atomic(copies());
}
void percpu_ref_switch_to_percpu(struct percpu_ref* ref) noexcept { inner(ref).switch_to_percpu(copies()); }
bool percpu_ref_is_dying(struct percpu_ref* ref) noexcept { return inner(ref).is_dead(); }
bool percpu_ref_is_zero(struct percpu_ref* ref) noexcept { return inner(ref).is_zero(); }

}  // extern "C"
