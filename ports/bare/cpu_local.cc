// Per-CPU words, with interrupts off: the step is not interrupted, and the task stays on its CPU.  These are for the slow path;
// the program's own steps are inline sequences (include/kmem/percpu_rseq.h).

#include "port/cpu_local.h"

#include "bare.h"

namespace kmem {
namespace {

bool no_sequences = false;

class Quiet {
 public:
  Quiet() : flags_(bare::irq_save()) {}
  ~Quiet() { bare::irq_restore(flags_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  uint64_t flags_;
};

/// The distance of this CPU's copy; 0: a task owns it.
uint64_t distance_here() {
  return no_sequences ? 0 : __atomic_load_n(&kmem_percpu_distances[bare::this_cpu_id()], __ATOMIC_RELAXED);
}

template <typename T>
uint64_t step(char* copy, const CpuAccess& a) {
  T& at = *reinterpret_cast<T*>(copy);
  const T found = at, value = static_cast<T>(a.value);
  const auto put = [&](T now) { __atomic_store_n(&at, now, __ATOMIC_RELAXED); };  // in one step for those who sum copies up
  switch (a.op) {
    case CpuOp::Read: break;
    case CpuOp::Write:
    case CpuOp::Xchg: put(value); break;
    case CpuOp::Add: put(static_cast<T>(found + value)); break;
    case CpuOp::AddReturn: return put(static_cast<T>(found + value)), static_cast<T>(found + value);
    case CpuOp::And: put(static_cast<T>(found & value)); break;
    case CpuOp::Or: put(static_cast<T>(found | value)); break;
    case CpuOp::Cmpxchg:
      if (found == static_cast<T>(a.expected)) put(value);
  }
  return found;
}

}  // namespace

bool CpuLocalImpl::try_op(const CpuAccess& access, uint64_t& old) {
  const Quiet quiet;
  const uint64_t distance = distance_here();
  if (!distance) return false;
  char* const copy = access.variable + distance;
  switch (access.size) {
    case 1: old = step<uint8_t>(copy, access); break;
    case 2: old = step<uint16_t>(copy, access); break;
    case 4: old = step<uint32_t>(copy, access); break;
    default: old = step<uint64_t>(copy, access);
  }
  return true;
}

bool CpuLocalImpl::try_add_while(char* variable, uint64_t n, const uint64_t* word, uint64_t expected) {
  const Quiet quiet;
  const uint64_t distance = distance_here();
  if (!distance || __atomic_load_n(word, __ATOMIC_RELAXED) != expected) return false;
  auto* const copy = reinterpret_cast<uint64_t*>(variable + distance);
  __atomic_store_n(copy, *copy + n, __ATOMIC_RELAXED);
  return true;
}

bool CpuLocalImpl::try_take(uint32_t& cpu) {
  const Quiet quiet;
  if (!distance_here()) return false;
  cpu = bare::this_cpu_id();
  __atomic_store_n(const_cast<uint64_t*>(kmem_percpu_distances) + cpu, 0, __ATOMIC_RELAXED);
  return true;
}

uint32_t CpuLocalImpl::here() { return bare::this_cpu_id(); }
bool CpuLocalImpl::join() {
  bare::set_percpu_steps(true);
  return !no_sequences;
}
void CpuLocalImpl::leave() { bare::set_percpu_steps(false); }
void CpuLocalImpl::use_none() {
  no_sequences = true;
  bare::forbid_percpu_steps();
}

}  // namespace kmem
