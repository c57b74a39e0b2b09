#pragma once
// Requests of a CPU to the others, and which of them have not answered.

#include "base/atomic.h"
#include "base/types.h"

namespace kmem {

/// What is done about the sheaves of other CPUs.
enum class OtherCpus : uint8_t {
  Leave,      // nothing
  Ask,        // taken at once if no thread can be in the way; else their CPUs are asked to drain them
  Interrupt,  // taken at once, by a call of the host if that is needed
};

/// CPUs that were asked and have not answered yet.  A hint: of CPUs whose numbers differ by 64 one may answer for both.
class AskedCpus {
 public:
  void ask_all() { cpus_.store(~uint64_t{0}); }
  /// True once for each asking.
  bool take(CpuId cpu) { return (cpus_.peek() & bit_of(cpu)) && (cpus_.fetch_and(~bit_of(cpu)) & bit_of(cpu)); }

 private:
  static uint64_t bit_of(CpuId cpu) { return uint64_t{1} << cpu.value % 64; }
  Atomic<uint64_t> cpus_{0};
};

}  // namespace kmem
