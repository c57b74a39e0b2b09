#include "slab/barn.h"

#include "base/check.h"

namespace kmem {

unsigned Barn::log2_parts_for(uint32_t nr_cpus) {
  unsigned log2 = 0;
  while (log2 < kMostLog2Parts && (1u << log2) < nr_cpus) ++log2;
  return log2;
}

// May a CPU of another part take from this one?  A CPU that frees what others allocate has sheaves to spare: its part is full,
// or had more sheaves drained than refilled.  Nothing is taken from a part whose own CPUs reuse what they freed: otherwise two
// such CPUs would exchange the same objects again and again, with a cache-line transfer for each.
bool Barn::has_to_spare(const SheafPool& sheaves, const BarnPart& part, unsigned most) {
  return sheaves.depth(part.full) >= most || part.nr_drains.value() > part.nr_refills.value() + 2 * most;
}

Sheaf Barn::take(SheafPool& sheaves, unsigned part, unsigned most) {
  for (unsigned i = 0; i < nr_parts(); ++i) {
    BarnPart& from = parts_[(part + i) & (nr_parts() - 1)];
    if (i && (from.full.empty() || !has_to_spare(sheaves, from, most))) continue;
    if (const Sheaf full = sheaves.pop(from.full)) return full;
  }
  return {};
}

Sheaf Barn::take_any(SheafPool& sheaves) {
  for (unsigned i = 0; i < nr_parts(); ++i)
    if (const Sheaf full = sheaves.pop(parts_[i].full)) return full;
  return {};
}

bool Barn::put(SheafPool& sheaves, unsigned part, Sheaf full, unsigned most) {
  if (sheaves.depth(parts_[part].full) >= most) return false;
  KMEM_ASSERT(full.is_empty(), ==, false);
  sheaves.push(parts_[part].full, full);
  return true;
}

// Have sheaves been drained and refilled alternately, several times? A CPU that allocates and frees a few objects around the
// end of a sheaf would exchange sheaves without end. Keeping half a sheaf prevents that if the swing is less than half a sheaf.
// If it is more the alternation continues, and the next attempt comes after four times as many turns, because it is expensive
// to return half a sheaf of objects to their slabs.
bool Barn::swings(unsigned index) {
  BarnPart& part = parts_[index];
  const uint64_t refills = part.nr_refills.value(), since = refills - part.refills_at_drain.peek();
  part.refills_at_drain.poke(refills);
  if (since != 1) {
    part.turns.poke(0);
    part.turns_needed.poke(kTurnsNeeded);
    return false;
  }
  const uint32_t turns = part.turns.peek() + 1, needed = part.turns_needed.peek() ? part.turns_needed.peek() : kTurnsNeeded;
  part.turns.poke(turns < needed ? turns : 0);
  if (turns < needed) return false;
  if (needed < kMostTurnsNeeded) part.turns_needed.poke(needed * 4);
  return true;
}

unsigned Barn::nr_sheaves(const SheafPool& sheaves) const {
  unsigned n = 0;
  for (unsigned i = 0; i < nr_parts(); ++i) n += sheaves.depth(parts_[i].full);
  return n;
}

uint64_t Barn::sum(Counter BarnPart::*counter) const {
  uint64_t sum = 0;
  for (unsigned i = 0; i < nr_parts(); ++i) sum += (parts_[i].*counter).value();
  return sum;
}

void Barn::reset_counters() {
  for (unsigned i = 0; i < nr_parts(); ++i) {
    BarnPart& part = parts_[i];
    part.nr_refills.take();
    part.nr_drains.take();
    part.allocs.take();
    part.frees.take();
  }
}

// A sheaf that was pushed twice would make a cycle, so the walk ends when it has seen too many.
Fault Barn::check(SheafPool& sheaves) const {
  for (unsigned i = 0; i < nr_parts(); ++i) {
    const BarnPart& part = parts_[i];
    const unsigned depth = sheaves.depth(part.full);
    unsigned n = 0;
    for (uint32_t index = part.full.top(); index && n <= depth; index = sheaves.link(index).peek()) ++n;
    if (n != depth) return {"C4 the topmost sheaf of a part of the barn remembers how many there are", i, n, depth};
  }
  return {};
}

}  // namespace kmem
