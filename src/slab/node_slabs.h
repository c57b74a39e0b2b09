#pragma once
// The slabs of a cache on one node: partial lists, and counts.

#include "base/fault.h"
#include "slab/slab_links.h"
#include "sync/index_stack.h"

namespace kmem {

/// Lock-free, any context.
///
/// Invariants on a quiet system (walked by SlabLayer::check()):
///   C1  every slab on a partial list belongs to this cache and obeys S1 to S4
///   C5  nr_slabs() is the number of slabs that the node's frames are
///   C6  nr_out() is the number of objects that are out of those slabs
class alignas(kCacheLine) NodeSlabs {
 public:
  /// Puts a slab with free objects on the partial list for about that number; a slab that is apart goes on the list of its
  /// kind.
  void push(SlabLinks links, Slab& slab);
  /// A slab with free objects, the fullest first.  The caller is its holder.  Null if there is none.
  Slab* pop(SlabLinks links);
  Slab* pop_reserved(SlabLinks links) { return pop_from(reserved_, links); }
  Slab* pop_sampled(SlabLinks links) { return pop_from(sampled_, links); }
  /// Takes all empty slabs but `keep` off the lists, and passes each to release(slab). Returns their number.
  template <typename Release>
  uint64_t take_empty(SlabLinks links, uint64_t keep, Release release) {
    uint64_t released = 0, kept = 0;
    for (unsigned b = kFullness; b-- > 0;) {
      for (uint32_t index = partial_[b].take_all(); index;) {
        Slab* slab = links.slab(index);
        index = slab->link().load();
        slab->mark_unlinked();
        const bool empty = slab->all_free();
        if (!empty || kept < keep) {
          kept += empty;
          push(links, *slab);
          continue;
        }
        release(*slab);
        ++released;
      }
    }
    // Sets the count anew: a slab whose last object came back while another CPU held it was counted, but may not be empty any
    // more.
    nr_empty_.store(static_cast<int32_t>(kept));
    return released;
  }
  /// The same for slabs that are apart; keeps none.
  template <typename Release>
  uint64_t take_apart_empty(SlabLinks links, Release release) {
    return take_empty_from(reserved_, links, release) + take_empty_from(sampled_, links, release);
  }
  /// Are there more than `keep` empty slabs, and enough of them to be worth a search?
  bool has_many_empty(uint64_t keep) const;

  void count_empty() { nr_empty_.fetch_add(1); }
  void count_slab() { nr_slabs_.fetch_add(1); }
  void uncount_slab();
  void count_out(unsigned n) { nr_out_.fetch_add(n); }
  void count_back(unsigned n);
  int32_t nr_empty() const { return nr_empty_.peek(); }  // empty slabs on lists; a hint
  int64_t nr_slabs() const { return nr_slabs_.peek(); }
  int64_t nr_out() const { return nr_out_.peek(); }  // objects out of their slabs: with users and in sheaves

  /// Calls visit(slab) for each slab on a list, until it returns a fault, on a quiet system.
  template <typename Visit>
  Fault each_listed(SlabLinks links, Visit visit) const {
    for (const IndexStack& list : partial_)
      if (const Fault fault = walk(links, list, visit)) return fault;
    if (const Fault fault = walk(links, reserved_, visit)) return fault;
    return walk(links, sampled_, visit);
  }

 private:
  static constexpr unsigned kFullness = 4;

  template <typename Release>
  uint64_t take_empty_from(IndexStack& list, SlabLinks links, Release release) {
    uint64_t released = 0;
    for (uint32_t index = list.take_all(), next; index; index = next) {
      Slab* slab = links.slab(index);
      next = slab->link().load();
      slab->mark_unlinked();
      if (slab->all_free()) release(*slab), ++released;
      else push(links, *slab);
    }
    return released;
  }
  static Slab* pop_from(IndexStack& list, SlabLinks links);

  // A slab that was pushed twice would make a cycle, so the walk ends when it has seen more than there are.
  template <typename Visit>
  Fault walk(SlabLinks links, const IndexStack& list, Visit visit) const {
    int64_t n = 0;
    for (uint32_t index = list.top(); index; index = links.link(index).peek()) {
      if (++n > nr_slabs()) return {"S2 a slab with free bits is listed, once", index - 1, 1, 2};
      if (const Fault fault = visit(*links.slab(index))) return fault;
    }
    return {};
  }

  IndexStack partial_[kFullness];  // the fewest free objects first
  Atomic<int32_t> nr_empty_{0};
  IndexStack reserved_;  // slabs whose frames are from the reserve
  IndexStack sampled_;   // slabs for samples
  alignas(kCacheLine) Atomic<int64_t> nr_slabs_{0};
  Atomic<int64_t> nr_out_{0};
};

}  // namespace kmem
