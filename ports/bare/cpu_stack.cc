// The parts of port/cpu_stack.h that are not sequences.

#include "port/cpu_stack.h"

#include "bare.h"

namespace kmem {
namespace {

bool shadows_only = false;

uint32_t nr_cpus() { return bare::firmware.nr_cpus; }
bool is_shadow(CpuId cpu) { return cpu.value >= nr_cpus(); }

uint64_t* state_of(CpuId shadow) { return CpuStackImpl::words(shadow) + kShadowState; }
bool try_lock(CpuId shadow) {
  return !__atomic_load_n(state_of(shadow), __ATOMIC_RELAXED) && !__atomic_exchange_n(state_of(shadow), 1, __ATOMIC_ACQUIRE);
}
void unlock(CpuId shadow) { __atomic_store_n(state_of(shadow), 0, __ATOMIC_RELEASE); }

uint64_t* entry(uint64_t word) { return reinterpret_cast<uint64_t*>(kmem_base + word * kWordUnit); }

}  // namespace

CpuId CpuStackImpl::where() {
  const uint32_t here = bare::this_cpu_id();
  return {KMEM_UNLIKELY(shadows_only) ? nr_cpus() + here : here};
}

void* CpuStackImpl::pop(Slot slot) {
  const CpuId cpu = where();
  if (!is_shadow(cpu)) return try_pop(slot);
  if (!try_lock(cpu)) return nullptr;
  uint64_t& word = words(cpu)[slot.index];
  void* const top = reinterpret_cast<void*>(*entry(word));
  if (top) word += kWordStep;
  unlock(cpu);
  return top;
}

Push CpuStackImpl::push(Slot slot, const void* p) {
  const CpuId cpu = where();
  if (!is_shadow(cpu)) return try_push(slot, p);
  if (!try_lock(cpu)) return Push::Full;
  uint64_t& word = words(cpu)[slot.index];
  uint64_t* top = entry(word);
  const Push result = *top == reinterpret_cast<uint64_t>(p) ? Push::Same : !(word & 0xff) ? Push::Full : Push::Done;
  if (result == Push::Done) {
    top[-1] = reinterpret_cast<uint64_t>(p);
    word -= kWordStep;
  }
  unlock(cpu);
  return result;
}

bool CpuStackImpl::replace(CpuId cpu, Slot slot, uint64_t expected, uint64_t desired) {
  uint64_t* word = words(cpu) + slot.index;
  if (!is_shadow(cpu)) return replace_here(word, cpu.value, expected, desired);
  if (!try_lock(cpu)) return false;
  const bool same = *word == expected;
  if (same) *word = desired;
  unlock(cpu);
  return same;
}

uint64_t CpuStackImpl::take_shadow(CpuId shadow, Slot slot) {
  if (!is_shadow(shadow) || !try_lock(shadow)) return 0;
  uint64_t& word = words(shadow)[slot.index];
  const uint64_t taken = word;
  word = 0;
  unlock(shadow);
  return taken;
}

uint32_t CpuStackImpl::nr_areas() { return 2 * nr_cpus(); }
bool CpuStackImpl::takes_by_fence(CpuId cpu) { return !is_shadow(cpu); }
bool CpuStackImpl::is_at_work(CpuId cpu) { return is_shadow(cpu) && __atomic_load_n(state_of(cpu), __ATOMIC_RELAXED); }
void CpuStackImpl::after_fork() {
  for (uint32_t i = 0; i < nr_cpus(); ++i) unlock({nr_cpus() + i});
}
void CpuStackImpl::use_shadows_only() { shadows_only = true; }

}  // namespace kmem
