// The operations of port/cpu_stack.h, one step for each instruction that the Linux port has.

#include "port/cpu_stack.h"

#include "base/atomic.h"
#include "kmem_port/sim_host.h"
#include "kmem_port/sim_tasks.h"

namespace kmem {
namespace {

using sim_port::Sequence;

bool shadows_only = false;

/// Loads and stores that the sequences around them make atomic.
template <typename T>
T load(const T* from) {
  return __atomic_load_n(from, __ATOMIC_RELAXED);
}
template <typename T>
void store(T* to, T value) {
  __atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/// base + cpu * kCpuStride in 32 bits: the -1 of a task without sequences reaches the zero area at the end.
uint64_t* words_here(char* base) {
  return reinterpret_cast<uint64_t*>(base + static_cast<uint32_t>(sim_port::shown_cpu()) * uint32_t{kCpuStride});
}
void** entry(char* base, uint64_t word) { return reinterpret_cast<void**>(base + word * kWordUnit); }
constexpr bool sheaf_is_full(uint64_t word) { return (word & 0xff) == 0; }

/// Word 0 of a shadow CPU is its lock, which is tried and never waited for.
Atomic<uint64_t>& lock_of(CpuId shadow) { return *reinterpret_cast<Atomic<uint64_t>*>(CpuStackImpl::words(shadow)); }
bool try_lock(CpuId shadow) { return !lock_of(shadow).load() && !lock_of(shadow).exchange(1); }
void unlock(CpuId shadow) { lock_of(shadow).store(0); }

uint32_t nr_cpus() { return sim_port::host().facts.nr_cpus; }
bool is_shadow(CpuId cpu) { return cpu.value >= nr_cpus(); }

}  // namespace

// This CPU's stacks
// ----------------------------------------------------------------------------------------------------

void* CpuStackImpl::try_pop(char* base, Slot slot) {
  for (;;) {
    Sequence sequence;
    uint64_t* word = words_here(base) + slot.index;
    if (sequence.disturbed()) continue;
    const uint64_t at = load(word);
    if (sequence.disturbed()) continue;
    void* top = load(entry(base, at));
    if (sequence.disturbed()) continue;
    if (!top) return nullptr;
    store(word, at + kWordStep);
    kmem_sim_step();
    return top;
  }
}

Push CpuStackImpl::try_push(char* base, Slot slot, const void* p) {
  for (;;) {
    Sequence sequence;
    uint64_t* word = words_here(base) + slot.index;
    if (sequence.disturbed()) continue;
    const uint64_t at = load(word);
    if (sequence.disturbed()) continue;
    void** top = entry(base, at);
    if (load(top) == p) return Push::Same;
    if (sequence.disturbed()) continue;
    if (sheaf_is_full(at)) return Push::Full;
    store(top - 1, const_cast<void*>(p));  // above the top: nobody's until the word says otherwise
    if (sequence.disturbed()) continue;
    store(word, at - kWordStep);
    kmem_sim_step();
    return Push::Done;
  }
}

bool CpuStackImpl::replace(CpuId cpu, Slot slot, uint64_t expected, uint64_t desired) {
  uint64_t* word = words(cpu) + slot.index;
  if (is_shadow(cpu)) {
    if (!try_lock(cpu)) return false;
    const bool same = load(word) == expected;
    kmem_sim_step();
    if (same) store(word, desired);
    unlock(cpu);
    return same;
  }
  for (;;) {
    Sequence sequence;
    if (sim_port::shown_cpu() != static_cast<int32_t>(cpu.value)) return false;
    if (sequence.disturbed()) continue;
    if (load(word) != expected) return false;
    if (sequence.disturbed()) continue;
    store(word, desired);
    kmem_sim_step();
    return true;
  }
}

// Any task's stacks
// ----------------------------------------------------------------------------------------------------

CpuId CpuStackImpl::where() {
  kmem_sim_step();
  const int32_t shown = sim_port::shown_cpu();
  if (shown >= 0 && !shadows_only) return {static_cast<uint32_t>(shown)};
  return {nr_cpus() + sim_port::real_cpu()};
}

uint64_t CpuStackImpl::word(CpuId cpu, Slot slot) {
  kmem_sim_step();
  return load(words(cpu) + slot.index);
}

void* CpuStackImpl::pop(Slot slot) {
  const CpuId cpu = where();
  if (!is_shadow(cpu)) return try_pop(slot);
  if (!try_lock(cpu)) return nullptr;
  uint64_t* word = words(cpu) + slot.index;
  void* top = load(entry(kmem_base, load(word)));
  kmem_sim_step();
  if (top) store(word, load(word) + kWordStep);
  unlock(cpu);
  return top;
}

Push CpuStackImpl::push(Slot slot, const void* p) {
  const CpuId cpu = where();
  if (!is_shadow(cpu)) return try_push(slot, p);
  if (!try_lock(cpu)) return Push::Full;
  uint64_t* word = words(cpu) + slot.index;
  void** top = entry(kmem_base, load(word));
  kmem_sim_step();
  Push result = load(top) == p ? Push::Same : sheaf_is_full(load(word)) ? Push::Full : Push::Done;
  if (result == Push::Done) {
    store(top - 1, const_cast<void*>(p));
    kmem_sim_step();
    store(word, load(word) - kWordStep);
  }
  unlock(cpu);
  return result;
}

uint64_t CpuStackImpl::take_shadow(CpuId shadow, Slot slot) {
  if (!try_lock(shadow)) return 0;
  uint64_t* word = words(shadow) + slot.index;
  const uint64_t taken = load(word);
  kmem_sim_step();
  store(word, uint64_t{0});
  unlock(shadow);
  return taken;
}

void CpuStackImpl::after_fork() {
  for (uint32_t i = 0; i < nr_cpus(); ++i) unlock({nr_cpus() + i});
}

void CpuStackImpl::use_shadows_only() { shadows_only = true; }

}  // namespace kmem

namespace sim_port {
/// For power_on(): the boot words of the last machine are forgotten.
void forget_shadows_only();
void forget_shadows_only() { kmem::shadows_only = false; }
}  // namespace sim_port
