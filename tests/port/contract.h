#pragma once
// What every port promises to the core, seen by one thread, facet by facet: memory, window, tasks, devices, diagnosis, and this
// CPU's stacks.  Each file is a program, compiled for each port; the words of the contract are in src/port/.

#include <gtest/gtest.h>
#include <sched.h>

#if !defined(KMEM_SIM) && !defined(KMEM_BARE)
#define KMEM_HAS_HOST 1  // with files, processes and signals
#endif

#include "port/cpu_stack.h"
#include "port/machine.h"
#include "port/port.h"

namespace kmem {

inline constexpr Slot kSlot{5}, kOther{6};
inline void* pointer(uintptr_t n) { return reinterpret_cast<void*>(n * 16); }

/// The machine of this program, booted once, as the core would.
inline const Machine& machine() {
  static const Machine* booted = [] {
    auto* m = new Machine;
    EXPECT_TRUE(kmem_port_boot(m));
    kmem_base = m->base;
    return m;
  }();
  return *booted;
}

/// The lowest 4 MiB of the last range that are nobody's.
inline char* free_memory() {
  constexpr uint64_t kBytes = uint64_t{4} << 20;
  const RamRange& ram = machine().ram[machine().nr_ram - 1];
  uint64_t at = ram.start.value;
  for (unsigned i = 0; i < machine().nr_gaps; ++i) {
    const RamGap& gap = machine().gaps[i];
    if (gap.start.value >= at + kBytes || gap.start.value + gap.bytes <= at) continue;
    at += kBytes;
    i = ~0u;  // look at all of them again
  }
  return machine().direct_map + at;
}

/// Stays on one CPU, on a host that has several.
inline void stay_here() {
  cpu_set_t all, one;
  CPU_ZERO(&one);
  if (sched_getaffinity(0, sizeof all, &all)) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &all)) {
      CPU_SET(cpu, &one);
      break;
    }
  sched_setaffinity(0, sizeof one, &one);
}

class Contract : public testing::Test {
 protected:
  Contract() {
    stay_here();
    machine();
    install(kSlot, 4);
    install(kOther, 4);
  }
  /// An empty sheaf for this CPU's slot, in the space after the words.
  void install(Slot slot, unsigned capacity) {
    char* sheaf = machine().base + 2 * size_t{machine().nr_cpus} * kCpuStride + (slot.index + 1) * kSheafBytes;
    auto* words = reinterpret_cast<uint64_t*>(sheaf);
    words[capacity] = 0;
    sheaf[kCapacityByte] = static_cast<char>(capacity);
    const auto word = static_cast<uint64_t>(reinterpret_cast<char*>(words + capacity) - machine().base) / kWordUnit;
    ASSERT_TRUE(CpuStack::replace(here(), slot, CpuStack::word(here(), slot), word));
  }
  static CpuId here() { return CpuStack::where(); }
};

}  // namespace kmem
