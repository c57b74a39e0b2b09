#include "page/known_frames.h"

#include "base/bits.h"
#include "port/layout.h"
#include "port/port.h"

uint64_t kmem_frames_end = 0, kmem_sealed_frames_end = 0;

namespace kmem {
namespace {

void raise(Atomic<uint64_t>& word, uint64_t to) {
  uint64_t seen = word.load();
  while (seen < to && !word.compare_exchange(seen, to)) {
  }
}

/// Leaves 0 as it is: then every free must take another path.
void raise_fast_limit(uint64_t& limit, uint64_t to) {
  uint64_t seen = __atomic_load_n(&limit, __ATOMIC_RELAXED);
  while (seen && seen < to && !__atomic_compare_exchange_n(&limit, &seen, to, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
  }
}

}  // namespace

void KnownFrames::init(const Machine& machine, uint64_t most) {
  table_ = machine.base + kFrameTable;
  states_by_64_ = machine.states_by_64;
  states_by_16_ = machine.states_by_16;
  step_ = machine.table_step;
  nr_addressed_ = machine.nr_addressed;
  if (step_) return;
  ready_.store(least(most));
  end_.store(most);
}

// Mapped together with the frames: later, a limit on address space could refuse it.
bool KnownFrames::cover_states(uint64_t first, uint64_t nr) const {
  if (!states_by_64_) return true;
  const auto open = [](char* from, uint64_t bytes) { return kmem_port_online(from, bytes) == Online::Done; };
  const uint64_t at = first << kPageShift, bytes = nr << kPageShift;
  return open(states_by_64_ + (at >> 6), bytes >> 6) && open(states_by_16_ + (at >> 4), bytes >> 4);
}

bool KnownFrames::cover(uint64_t end) {
  const uint64_t named = least(end);
  for (uint64_t ready; (ready = ready_.load()) < named;) {
    char* const from = table_ + ready;
    const uint64_t to = round_up(reinterpret_cast<uint64_t>(from) + 1, step_);
    if (kmem_port_online(from, to - reinterpret_cast<uint64_t>(from)) != Online::Done) return false;
    raise(ready_, to - reinterpret_cast<uint64_t>(table_));
  }
  raise(end_, end);
  raise_fast_limit(kmem_frames_end, named);
  raise_fast_limit(kmem_sealed_frames_end, named);
  return true;
}

}  // namespace kmem
