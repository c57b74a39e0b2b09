// Per-CPU words on a simulated machine: one step for each instruction that the Linux port has.

#include "port/cpu_local.h"

#include "base/atomic.h"
#include "kmem_port/sim_host.h"
#include "kmem_port/sim_tasks.h"

namespace kmem {
namespace {

using sim_port::Sequence;

bool no_sequences = false;

/// The distance of this CPU's copy; 0 for a task without sequences.
uint64_t distance_here() {
  const int32_t cpu = no_sequences ? -1 : sim_port::shown_cpu();
  return __atomic_load_n(&kmem_percpu_distances[cpu], __ATOMIC_RELAXED);
}

uint64_t mask_of(unsigned size) { return size == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * size) - 1; }

uint64_t load(const char* at, unsigned size) {
  uint64_t value = 0;
  __builtin_memcpy(&value, at, size);
  return value;
}
void store(char* at, unsigned size, uint64_t value) { __builtin_memcpy(at, &value, size); }

/// Computes the new value from `found`; false if nothing is to be stored.
bool result_of(const CpuAccess& a, uint64_t found, uint64_t& result) {
  switch (a.op) {
    case CpuOp::Read: return false;
    case CpuOp::Write:
    case CpuOp::Xchg: result = a.value; break;
    case CpuOp::Add:
    case CpuOp::AddReturn: result = found + a.value; break;
    case CpuOp::And: result = found & a.value; break;
    case CpuOp::Or: result = found | a.value; break;
    case CpuOp::Cmpxchg:
      if (found != (a.expected & mask_of(a.size))) return false;
      result = a.value;
  }
  return true;
}

}  // namespace

bool CpuLocalImpl::try_op(const CpuAccess& access, uint64_t& old) {
  for (;;) {
    Sequence sequence;
    const uint64_t distance = distance_here();
    if (sequence.disturbed()) continue;
    if (!distance) return false;
    char* const copy = access.variable + distance;
    uint64_t found = load(copy, access.size), result = 0;
    if (sequence.disturbed()) continue;
    if (result_of(access, found, result)) store(copy, access.size, result);
    old = (access.op == CpuOp::AddReturn ? result : found) & mask_of(access.size);
    kmem_sim_step();
    return true;
  }
}

bool CpuLocalImpl::try_add_while(char* variable, uint64_t n, const uint64_t* word, uint64_t expected) {
  for (;;) {
    Sequence sequence;
    const uint64_t distance = distance_here();
    if (sequence.disturbed()) continue;
    if (!distance || __atomic_load_n(word, __ATOMIC_RELAXED) != expected) return false;
    if (sequence.disturbed()) continue;
    const uint64_t found = load(variable + distance, 8);
    if (sequence.disturbed()) continue;
    store(variable + distance, 8, found + n);
    kmem_sim_step();
    return true;
  }
}

bool CpuLocalImpl::try_take(uint32_t& cpu) {
  for (;;) {
    Sequence sequence;
    if (!distance_here()) return false;
    if (sequence.disturbed()) continue;
    cpu = static_cast<uint32_t>(sim_port::shown_cpu());
    if (sequence.disturbed()) continue;
    __atomic_store_n(const_cast<uint64_t*>(kmem_percpu_distances) + cpu, 0, __ATOMIC_RELAXED);
    kmem_sim_step();
    return true;
  }
}

uint32_t CpuLocalImpl::here() { return sim_port::real_cpu(); }
bool CpuLocalImpl::join() { return !no_sequences && sim_port::shown_cpu() >= 0; }
void CpuLocalImpl::leave() {}
void CpuLocalImpl::use_none() { no_sequences = true; }

}  // namespace kmem

namespace sim_port {
/// For power_on(): forgets the boot words of the last machine.
void forget_no_sequences();
void forget_no_sequences() { kmem::no_sequences = false; }
}  // namespace sim_port
