#pragma once
// Operations of the slow paths on the per-CPU words: exchanging sheaves, on this CPU and on others.

#include "port/cpu_stack.h"
#include "port/port.h"
#include "sync/sheaf.h"

namespace kmem {

/// Puts `with` into this CPU's slot if the sheaf there is empty (or there is none). True: it is installed, and the caller owns
/// `old`. The caller must check `old` again: it may have been recycled between our read and the exchange.
inline bool exchange_if_empty(const SheafPool& pool, Slot slot, Sheaf with, Sheaf& old) {
  const CpuId cpu = CpuStack::where();
  const uint64_t word = CpuStack::word(cpu, slot);
  if (word == pool.closed()) return false;
  old = Sheaf::of_word(pool.base(), word);
  if (old && !old.is_empty()) return false;
  return CpuStack::replace(cpu, slot, word, with.as_word(pool.base()));
}

/// The same if the sheaf there is full (or there is none).
inline bool exchange_if_full(const SheafPool& pool, Slot slot, Sheaf with, Sheaf& old) {
  const CpuId cpu = CpuStack::where();
  const uint64_t word = CpuStack::word(cpu, slot);
  if (word == pool.closed()) return false;
  old = Sheaf::of_word(pool.base(), word);
  if (old && old.room()) return false;
  return CpuStack::replace(cpu, slot, word, with.as_word(pool.base()));
}

/// Takes the sheaf out of this CPU's slot, whatever its contents; nothing if there is none or the word changed
/// meanwhile.
inline Sheaf take_local(const SheafPool& pool, Slot slot) {
  const CpuId cpu = CpuStack::where();
  const uint64_t word = CpuStack::word(cpu, slot);
  if (!word || word == pool.closed() || !CpuStack::replace(cpu, slot, word, 0)) return {};
  return Sheaf::of_word(pool.base(), word);
}

/// Takes the sheaves of several slots out of another CPU, in two steps around one fence:
///
///   begin: the word is exchanged for closed(), which no slow path replaces.  A sequence in flight on that CPU may
///          still store its own value over it.
///   kmem_port_fence_cpus(): no sequence that read the word before the exchange is in flight any more.
///   finish: is the slot still closed?  Then the sheaf is ours.  Anything else: a sequence in flight has won, and the CPU
///           keeps the sheaf.  A call on a shadow CPU is no sequence; if one is running, every word is restored.
///
/// One taker at a time for each slot (SheafPool::begin_taking). Otherwise, if a sequence wins over the first taker and a second
/// one closes the slot again, the first would find it closed and take the sheaf in its state before the sequence.
class RemoteTake {
 public:
  static uint64_t begin(const SheafPool& pool, CpuId cpu, Slot slot) {
    auto& word = at(cpu, slot);
    const uint64_t seen = word.peek();
    if (!seen || seen == pool.closed() || !CpuStack::takes_by_fence(cpu)) return 0;
    uint64_t expected = seen;
    return word.compare_exchange(expected, pool.closed()) ? seen : 0;
  }
  static Sheaf finish(const SheafPool& pool, CpuId cpu, Slot slot, uint64_t begun) {
    if (!begun) return {};
    if (CpuStack::is_at_work(cpu)) return undo(pool, cpu, slot, begun), Sheaf{};
    uint64_t expected = pool.closed();
    return at(cpu, slot).compare_exchange(expected, 0) ? Sheaf::of_word(pool.base(), begun) : Sheaf{};
  }
  /// Instead of finish: undoes begin.
  static void undo(const SheafPool& pool, CpuId cpu, Slot slot, uint64_t begun) {
    uint64_t expected = pool.closed();
    if (begun) at(cpu, slot).compare_exchange(expected, begun);
  }
  /// For a take that no thread will finish.
  static void reopen(const SheafPool& pool, CpuId cpu, Slot slot) {
    uint64_t expected = pool.closed();
    at(cpu, slot).compare_exchange(expected, 0);
  }

 private:
  static Atomic<uint64_t>& at(CpuId cpu, Slot slot) {
    return *reinterpret_cast<Atomic<uint64_t>*>(CpuStack::words(cpu) + slot.index);
  }
};

/// Takes the slot's sheaf out of every CPU, shadow CPUs included, and hands each to `use`. This CPU is treated like the others:
/// the thread may be on another one at the next instruction. If the port does not fence, or another thread is taking, the CPUs
/// keep theirs: returns false, and the caller may set requests for them.
template <typename Use>
bool take_everywhere(SheafPool& pool, Slot slot, OtherCpus others, Use use) {
  constexpr uint32_t kAtOnce = 32;
  const uint32_t nr = CpuStack::nr_areas();
  // Also for shadow CPUs only one taker at a time: a second one would take the mark of a closed slot, and the first one's sheaf
  // would be lost.
  if (!pool.begin_taking(slot)) return false;
  for (uint32_t cpu = 0; cpu < nr; ++cpu)
    if (const uint64_t word = CpuStack::take_shadow({cpu}, slot)) use(Sheaf::of_word(pool.base(), word));
  bool all = true;
  for (uint32_t first = 0; first < nr; first += kAtOnce) {
    uint64_t begun[kAtOnce] = {};
    bool any = false;
    for (uint32_t i = 0; i < kAtOnce && first + i < nr; ++i) {
      begun[i] = RemoteTake::begin(pool, {first + i}, slot);
      any |= begun[i] != 0;
    }
    const bool fenced = any && kmem_port_fence_cpus(pool.fence_for(others));
    if (any && !fenced) all = false;
    for (uint32_t i = 0; any && i < kAtOnce && first + i < nr; ++i) {
      if (!fenced) RemoteTake::undo(pool, {first + i}, slot, begun[i]);
      else if (const Sheaf sheaf = RemoteTake::finish(pool, {first + i}, slot, begun[i])) use(sheaf);
    }
  }
  pool.end_taking(slot);
  return all;
}

/// In the child of a fork: reopens the slots; sheaves that other threads of the parent were taking are lost.
inline void reopen_after_fork(SheafPool& pool) {
  pool.after_fork();
  for (uint32_t index = 0; index < kMaxSlots; ++index) {
    const Slot slot{index};
    if (!pool.is_taking(slot)) continue;
    for (uint32_t cpu = 0; cpu < CpuStack::nr_areas(); ++cpu) RemoteTake::reopen(pool, {cpu}, slot);
    pool.end_taking(slot);
  }
}

}  // namespace kmem
