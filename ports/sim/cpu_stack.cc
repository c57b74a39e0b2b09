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
constexpr unsigned place_in_sheaf(uint64_t word) { return static_cast<unsigned>(word & 0xff) / kWordStep; }
/// The capacity of the sheaf that the word names.
unsigned capacity_at(char* base, uint64_t word) {
  const uint64_t start = (word * kWordUnit) & ~uint64_t{kSheafBytes - 1};
  return __atomic_load_n(reinterpret_cast<uint8_t*>(base) + start + kCapacityByte, __ATOMIC_RELAXED);
}
constexpr bool sheaf_is_full(uint64_t word) { return (word & 0xff) == 0; }

/// The state of a shadow CPU is a lock here, which is only tried.
Atomic<uint64_t>& lock_of(CpuId shadow) {
  return reinterpret_cast<Atomic<uint64_t>*>(CpuStackImpl::words(shadow))[kShadowState];
}
bool try_lock(CpuId shadow) { return !lock_of(shadow).load() && !lock_of(shadow).exchange(1); }
void unlock(CpuId shadow) { lock_of(shadow).store(0); }

uint32_t nr_cpus() { return sim_port::host().facts.nr_cpus; }
bool is_shadow(CpuId cpu) { return cpu.value >= nr_cpus(); }

}  // namespace

// This CPU's stacks -----------------------------------------------------------------------------------------------------------

void* CpuStackSequences::try_pop(char* base, Slot slot) {
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

void* CpuStackSequences::try_pop_counted(char* base, Slot slot, size_t bytes, bool& due) {
  due = false;
  for (;;) {
    Sequence sequence;
    uint64_t* words = words_here(base);
    uint64_t* word = words + slot.index;
    if (sequence.disturbed()) continue;
    const uint64_t at = load(word);
    if (sequence.disturbed()) continue;
    void* top = load(entry(base, at));
    if (sequence.disturbed()) continue;
    if (!top) return nullptr;
    const uint64_t left = load(words + kCountdown) - bytes;
    store(words + kCountdown, left);
    if (sequence.disturbed()) continue;
    if (left >> 63) return due = true, nullptr;
    store(word, at + kWordStep);
    kmem_sim_step();
    return top;
  }
}

Push CpuStackSequences::try_push(char* base, Slot slot, const void* p) {
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
    store(top - 1, const_cast<void*>(p));  // above the top: not part of the stack until the word changes
    if (sequence.disturbed()) continue;
    store(word, at - kWordStep);
    kmem_sim_step();
    return Push::Done;
  }
}

unsigned CpuStackSequences::try_pop_some(char* base, Slot slot, void** out, unsigned n) {
  for (;;) {
    Sequence sequence;
    uint64_t* word = words_here(base) + slot.index;
    if (sequence.disturbed()) continue;
    const uint64_t at = load(word);
    if (sequence.disturbed()) continue;
    const unsigned there = capacity_at(base, at) - place_in_sheaf(at);
    if (sequence.disturbed()) continue;
    if (!there) return 0;
    const unsigned moved = there < n ? there : n;
    bool disturbed = false;
    for (unsigned i = moved; i-- > 0 && !disturbed; disturbed = sequence.disturbed()) out[i] = load(entry(base, at) + i);
    if (disturbed) continue;
    store(word, at + uint64_t{moved} * kWordStep);
    kmem_sim_step();
    return moved;
  }
}

unsigned CpuStackSequences::try_push_some(char* base, Slot slot, void* const* in, unsigned n, Fit fit) {
  for (;;) {
    Sequence sequence;
    uint64_t* word = words_here(base) + slot.index;
    if (sequence.disturbed()) continue;
    const uint64_t at = load(word);
    if (sequence.disturbed()) continue;
    const unsigned room = place_in_sheaf(at);
    if (!room) return 0;
    const unsigned moved = room < n ? room : n;
    if (load(entry(base, at)) == in[0]) return kUnfit;
    uint64_t any = 0, all = ~uint64_t{0};
    bool disturbed = sequence.disturbed();
    for (unsigned i = moved; i-- > 0 && !disturbed; disturbed = sequence.disturbed()) {
      store(entry(base, at) - moved + i, in[i]);
      any |= reinterpret_cast<uint64_t>(in[i]);
      all &= reinterpret_cast<uint64_t>(in[i]);
    }
    if (disturbed) continue;
    if ((any & fit.zero) || ((any ^ all) & fit.same)) return kUnfit;
    store(word, at - uint64_t{moved} * kWordStep);
    kmem_sim_step();
    return moved;
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

// Any task's stacks -----------------------------------------------------------------------------------------------------------

uint32_t cpu_hint() {
  const int32_t shown = sim_port::shown_cpu();
  return shown >= 0 ? static_cast<uint32_t>(shown) : sim_port::real_cpu();
}

CpuId CpuStackImpl::where() {
  kmem_sim_step();
  const int32_t shown = sim_port::shown_cpu();
  if (shown >= 0 && !shadows_only) return {static_cast<uint32_t>(shown)};
  return {nr_cpus() + sim_port::real_cpu()};
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

uint32_t CpuStackImpl::nr_areas() { return 2 * nr_cpus(); }

bool CpuStackImpl::takes_by_fence(CpuId cpu) { return !is_shadow(cpu); }

bool CpuStackImpl::is_at_work(CpuId cpu) {
  kmem_sim_step();
  return is_shadow(cpu) && lock_of(cpu).load();
}

uint64_t CpuStackImpl::take_shadow(CpuId shadow, Slot slot) {
  if (!is_shadow(shadow)) return 0;
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
/// For power_on(): forgets the boot words of the last machine.
void forget_shadows_only();
void forget_shadows_only() { kmem::shadows_only = false; }
}  // namespace sim_port
