#include "page/sections.h"

#include "base/bits.h"
#include "page/gfp.h"
#include "watch/fault_injection.h"

namespace kmem {

size_t Sections::metadata_bytes(uint64_t nr_frames) {
  return round_up((nr_frames + kSectionFrames - 1) / kSectionFrames, kCacheLine);
}

Sections::Arrival Sections::frames_of(uint64_t section) const {
  const uint64_t left = setup_.nr_frames - section * kSectionFrames;
  return {setup_.first + section * kSectionFrames, left < kSectionFrames ? left : kSectionFrames};
}

/// Memory for the frames, their descriptors and their bytes in the frame table.
Online Sections::open(const Arrival& frames) {
  const size_t bytes = frames.nr << kPageShift, page_bytes = frames.nr * sizeof(Page);
  char* const at = setup_.direct_map + (frames.first.value << kPageShift);
  Page* const pages = setup_.descriptors + frames.first.value;
  if (should_fail(FaultPoint::Section, kNoGfp, bytes)) return Online::Refused;
  const Online usable = setup_.addressed ? kmem_port_online(at, bytes) : kmem_port_online_high(frames.first.value, frames.nr);
  if (usable != Online::Done) return usable;
  if (const Online opened = kmem_port_online(pages, page_bytes); opened != Online::Done) return opened;
  if (setup_.known && !setup_.known->cover_states(frames.first.value, frames.nr)) return Online::Refused;
  if (setup_.known && !setup_.known->cover(frames.first.value + frames.nr)) return Online::Refused;
  if (bound_) {
    kmem_port_bind(at, bytes, setup_.node.value);
    kmem_port_bind(pages, page_bytes, setup_.node.value);
  }
  return Online::Done;
}

bool Sections::conclude(uint64_t section, State state) {
  uint8_t coming = Coming;
  return states_[section].compare_exchange(coming, state);
}

// If another CPU is already bringing the section, this one does the same: the host allows it twice, and one of the two gets the
// frames.
Sections::Arrival Sections::bring(uint64_t section) {
  uint8_t state = Offline;
  if (!states_[section].compare_exchange(state, Coming) && state != Coming) return {};
  const Arrival frames = frames_of(section);
  const Online opened = open(frames);
  if (opened == Online::Done) {
    arriving_.fetch_add(1);  // until finish()
    if (conclude(section, Present)) return frames;
    arriving_.fetch_sub(1);
  } else if (conclude(section, opened == Online::Taken ? Absent : Offline) && opened == Online::Taken) {
    setup_.counts->add_absent(frames.nr);
  }
  return {};
}

Sections::Arrival Sections::bring_next() {
  uint64_t coming = nr_sections();
  for (uint64_t s = next_.peek(); s < nr_sections(); ++s) {
    const uint8_t state = states_[s].load();
    if (state == Coming) {  // by another CPU, or by the code that we interrupted
      if (coming == nr_sections()) coming = s;
      continue;
    }
    if (state == Present || state == Absent) {
      if (next_.peek() == s) next_.poke(s + 1);
      continue;
    }
    if (const Arrival arrival = bring(s); arrival.nr) return arrival;
    if (states_[s].load() == Offline) return {};  // the host has no more
  }
  // Don't wait for a CPU that is bringing the last section.
  return coming == nr_sections() ? Arrival{} : bring(coming);
}

}  // namespace kmem
