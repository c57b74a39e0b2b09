// <linux/percpu_counter.h>: counters with a part for each CPU.

#define KMEM_PERCPU_NO_STATIC
#include <linux/percpu.h>
#include <linux/percpu_counter.h>

#include "percpu/percpu_counter.h"
#include "sleeping.h"
#include "system/percpu_world.h"
#include "system/system.h"

namespace {

using kmem::PercpuCounter;

constexpr int kNoMemory = 12;  // ENOMEM

kmem::Copies& copies() { return kmem::percpu().copies; }
PercpuCounter& inner(struct percpu_counter* counter) { return *reinterpret_cast<PercpuCounter*>(counter); }

}  // namespace

static_assert(sizeof(struct percpu_counter) == sizeof(PercpuCounter) &&
              offsetof(struct percpu_counter, counters) == offsetof(PercpuCounter, parts));

extern "C" {

int kmem_percpu_counter_batch() noexcept {
  constexpr uint32_t kLeast = 32;
  const uint32_t twice = kmem::boot() ? 2 * copies().nr_cpus() : 0;
  return static_cast<int>(twice > kLeast ? twice : kLeast);
}

int percpu_counter_init(struct percpu_counter* counter, long long amount, gfp_t flags) noexcept {
  flags = KMEM_GFP_HERE(flags);
  *counter = {};
  counter->counters = static_cast<long long*>(__alloc_percpu_gfp(sizeof(long long), alignof(long long), flags));
  counter->count = amount;
  return counter->counters ? 0 : -kNoMemory;
}

void percpu_counter_destroy(struct percpu_counter* counter) noexcept {
  free_percpu(counter->counters);
  counter->counters = nullptr;
}

int percpu_counter_init_many(struct percpu_counter* counters, long long amount, gfp_t flags, uint32_t nr) noexcept {
  flags = KMEM_GFP_HERE(flags);
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
void percpu_counter_add_batch(struct percpu_counter* counter, long long amount, int32_t batch) noexcept {
  inner(counter).add(copies(), amount, batch);
}
void percpu_counter_set(struct percpu_counter* counter, long long amount) noexcept { inner(counter).set(copies(), amount); }
long long __percpu_counter_sum(struct percpu_counter* counter) noexcept { return inner(counter).sum(copies()); }
int __percpu_counter_compare(struct percpu_counter* counter, long long value, int32_t batch) noexcept {
  return inner(counter).compare(copies(), value, batch);
}

bool percpu_counter_limited_add(struct percpu_counter* counter, long long limit, long long amount) noexcept {
  if (!amount) return true;
  inner(counter).add(copies(), amount, kmem_percpu_counter_batch());
  const int compared = __percpu_counter_compare(counter, limit, kmem_percpu_counter_batch());
  if (amount > 0 ? compared <= 0 : compared >= 0) return true;
  inner(counter).add(copies(), -amount, kmem_percpu_counter_batch());
  return false;
}

}  // extern "C"
