// The slow half of the per-CPU stacks: exchanges by restartable sequence, and the shadow CPUs of threads without any.

#include "port/cpu_stack.h"

#include <stddef.h>
#include <sys/rseq.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "linux_port.h"

ptrdiff_t kmem_rseq_offset = 0;

namespace kmem {
namespace {

int32_t this_cpu_id() {
  const char* thread = static_cast<const char*>(__builtin_thread_pointer());
  return *reinterpret_cast<const volatile int32_t*>(thread + kmem_rseq_offset + 4);
}

/// Word 0 of a shadow CPU is its lock: slot 0 holds no stack on any CPU.
bool try_lock(CpuId shadow) {
  uint64_t* lock = CpuStackImpl::words(shadow);
  return !__atomic_load_n(lock, __ATOMIC_RELAXED) && !__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE);
}
void unlock(CpuId shadow) { __atomic_store_n(CpuStackImpl::words(shadow), 0, __ATOMIC_RELEASE); }

// The boot word rseq=off: the fast paths then find no sheaf on any CPU, and what fills them works on shadows only.
bool shadows_only = false;

}  // namespace

void CpuStackImpl::use_shadows_only() { shadows_only = true; }

CpuId CpuStackImpl::where() {
  const int32_t id = this_cpu_id();
  if (id >= 0 && !shadows_only) return {static_cast<uint32_t>(id)};
  unsigned cpu = 0;
  syscall(SYS_getcpu, &cpu, nullptr, nullptr);
  return {linux_port::nr_cpus + cpu % linux_port::nr_cpus};
}

bool CpuStackImpl::replace(CpuId cpu, Slot slot, uint64_t expected, uint64_t desired) {
  KMEM_GIVES(words(cpu) + slot.index);
  if (cpu.value >= linux_port::nr_cpus) {
    if (!try_lock(cpu)) return false;
    uint64_t& word = words(cpu)[slot.index];
    const bool same = word == expected;
    if (same) __atomic_store_n(&word, desired, __ATOMIC_RELEASE);
    unlock(cpu);
    if (same) KMEM_TAKES(words(cpu) + slot.index);
    return same;
  }
  if (!replace_here(words(cpu) + slot.index, cpu.value, expected, desired)) return false;
  KMEM_TAKES(words(cpu) + slot.index);
  return true;
}

void* CpuStackImpl::pop(Slot slot) {
  const CpuId cpu = where();
  if (cpu.value < linux_port::nr_cpus) return try_pop(slot);
  if (!try_lock(cpu)) return nullptr;
  uint64_t& word = words(cpu)[slot.index];
  void* top = *reinterpret_cast<void**>(kmem_base + word * kWordUnit);
  if (top) __atomic_store_n(&word, word + kWordStep, __ATOMIC_RELEASE);
  unlock(cpu);
  if (top) KMEM_TAKES(top);
  return top;
}

Push CpuStackImpl::push(Slot slot, const void* p) {
  const CpuId cpu = where();
  if (cpu.value < linux_port::nr_cpus) return try_push(slot, p);
  if (!try_lock(cpu)) return Push::Full;
  KMEM_GIVES(p);
  uint64_t& word = words(cpu)[slot.index];
  const void** top = reinterpret_cast<const void**>(kmem_base + word * kWordUnit);
  Push result = Push::Done;
  if (*top == p) result = Push::Same;
  else if (!(word & 0xff)) result = Push::Full;
  if (result == Push::Done) {
    top[-1] = p;
    __atomic_store_n(&word, word - kWordStep, __ATOMIC_RELEASE);
  }
  unlock(cpu);
  return result;
}

uint64_t CpuStackImpl::take_shadow(CpuId shadow, Slot slot) {
  if (!try_lock(shadow)) return 0;
  const uint64_t word = __atomic_exchange_n(&words(shadow)[slot.index], 0, __ATOMIC_ACQ_REL);
  unlock(shadow);
  return word;
}

void CpuStackImpl::after_fork() {
  for (uint32_t i = 0; i < linux_port::nr_cpus; ++i) unlock({linux_port::nr_cpus + i});
}

}  // namespace kmem
