// The sets of CPUs.

#include <linux/cpumask.h>

#include "port/port.h"
#include "system/percpu_world.h"
#include "system/system.h"

namespace {

using kmem::Copies;

/// The sets of <linux/cpumask.h>, updated at each query.
struct cpumask sets[3];
kmem::Atomic<uint64_t> sets_looked_at;
constexpr uint64_t kLookAgainNs = 100000000;
constexpr unsigned kSetWords = sizeof(struct cpumask) / sizeof(uint64_t), kLongBits = 8 * sizeof(unsigned long);
static_assert(sizeof(struct cpumask) % sizeof(uint64_t) == 0 && NR_CPUS >= kmem::kMaxCopies);

void store(struct cpumask& set, const uint64_t* words) {
  for (unsigned i = 0, bit = 0; i < sizeof set / sizeof *set.bits; ++i, bit += kLongBits)
    __atomic_store_n(&set.bits[i], static_cast<unsigned long>(words[bit / 64] >> bit % 64), __ATOMIC_RELAXED);
}

void look_at_possible(const Copies& copies) {
  uint64_t possible[kSetWords] = {};
  for (uint32_t copy = 0; copy < copies.nr_copies(); ++copy) possible[copy / 64] |= uint64_t{1} << copy % 64;
  store(sets[KMEM_POSSIBLE_CPUS], possible);
}

/// The host's CPUs, and every substitute that has been used.
void look_at(kmem_cpu_set which, const Copies& copies) {
  uint64_t host[kSetWords];
  if (!kmem_port_cpus(which == KMEM_ONLINE_CPUS ? kmem::HostCpus::Online : kmem::HostCpus::All, host, kSetWords)) host[0] = 1;
  for (uint32_t copy = copies.nr_cpus(); copy < copies.nr_copies(); ++copy)
    if (copies.was_used(copy)) host[copy / 64] |= uint64_t{1} << copy % 64;
  store(sets[which], host);
}

}  // namespace

extern "C" {

unsigned int kmem_nr_cpu_ids() noexcept { return kmem::boot() ? kmem::percpu().copies.nr_copies() : 1; }

const struct cpumask* kmem_cpu_mask(enum kmem_cpu_set which) noexcept {
  kmem::boot();
  if (which == KMEM_POSSIBLE_CPUS) {
    look_at_possible(kmem::percpu().copies);
    return &sets[which];
  }
  const uint64_t now = kmem_port_now_ns(), last = sets_looked_at.load();
  if (!last || now - last > kLookAgainNs || kmem::percpu().copies.has_new()) {
    look_at(KMEM_PRESENT_CPUS, kmem::percpu().copies);
    look_at(KMEM_ONLINE_CPUS, kmem::percpu().copies);
    sets_looked_at.store(now);
  }
  return &sets[which];
}

}  // extern "C"
