#pragma once
// The page allocator: the zones, the per-CPU page lists in front of them, and reclaim.

#include "page/charged_memory.h"
#include "page/page_lists.h"
#include "page/reclaim.h"
#include "page/shared_bound.h"
#include "page/zones.h"

namespace kmem {

/// When all frames are cleared (init_on_alloc, init_on_free).
struct Clearing {
  bool on_alloc = false, on_free = false;
};

/// Lock-free; every function may be called in any context.  An allocation sleeps only if its flags have __GFP_DIRECT_RECLAIM,
/// its caller may sleep, and no zone can serve it above the low mark.
class PageAllocator : public Zones {
 public:
  /// As Zones::init().
  char* init(const Machine& machine, SheafPool& sheaves, uint64_t min_free_kbytes);
  /// Sets the functions by which the layers above free memory in reclaim.
  void set_reclaim(ReclaimHook hook) { reclaim_.set_caches(hook); }
  void set_clearing(Clearing when) { clearing_ = when; }

  Reclaim& reclaim() { return reclaim_; }
  PageLists& lists() { return lists_; }
  const PageLists& lists() const { return lists_; }
  /// A limit of the machine's memory that other processes share.
  SharedBound& bound() { return bound_; }
  const SharedBound& bound() const { return bound_; }
  /// Memory outside the frames.
  ChargedMemory& charged() { return charged_; }
  bool charge(uint64_t nr) { return charged_.charge(nr); }
  void uncharge(uint64_t nr) { charged_.uncharge(nr); }

  /// 2^order frames, or null.  Their first descriptor is a Block with one reference.  Contents are unspecified unless
  /// __GFP_ZERO.  nid: the node to begin with, or kNoNode for this CPU's.
  Page* alloc(Gfp gfp, Order order, int nid);
  /// Frees a block. False, and nothing changed, if its descriptor is not that of such a block.
  [[nodiscard]] bool free(Page* page, Order order, Heat heat = Heat::Hot);

  /// nr frames in a row (any number up to 2^kMaxOrder), aligned to 2^align frames; a Run.
  Page* alloc_run(Gfp gfp, uint64_t nr, Order align, int nid, bool& zeroed);
  void free_run(Page* page);
  /// Makes a run longer, by the frames behind it, or shorter. False if they are not free, or claiming them would go below the
  /// low mark.
  bool resize_run(Page* page, uint64_t nr, bool& zeroed);
  /// As alloc_run(), but writes no descriptor, which would make a page of descriptors resident for each long run; the caller
  /// must remember the length.
  Maybe<Pfn> alloc_span(Gfp gfp, uint64_t nr, Order align, int nid, bool& zeroed);
  void free_span(Pfn first, uint64_t nr);
  /// Longer only above the low mark.
  bool resize_span(Pfn first, uint64_t old, uint64_t nr);

  /// 2^order frames for a slab: as alloc(), but the descriptor stays the caller's to write.
  Maybe<Pfn> alloc_frames(Gfp gfp, Order order, int nid, Use use);
  void free_frames(Pfn pfn, Order order);

  /// 2^order frames, aligned, for vmap, which maps them at another address: contents are unspecified, `clean` of them hold no
  /// memory of the host.  Above the low mark only; neither waits nor reclaims.  Given back by zone_of(pfn)->give_back_run().
  Maybe<Pfn> claim_bare_run(Gfp gfp, Order order, int nid, uint64_t& clean);

  /// Clears frames that the caller is about to give back to a zone itself, if Clearing requires that.
  void wipe(Pfn first, uint64_t nr) const;
  bool wipes() const { return clearing_.on_free; }

  /// Empties this CPU's page lists into the zones, and those of the others as far as `others` goes.
  void drain(OtherCpus others = OtherCpus::Interrupt) { lists_.drain(others); }
  /// Gives dirty free frames back to the host, all but `keep`; returns their number.
  uint64_t trim(uint64_t keep = 0, OtherCpus others = OtherCpus::Interrupt);
  void answer_requests() { lists_.answer_requests(); }
  bool lists_closed() const { return lists_.closed(); }
  /// Are the zone's remaining free frames only for requests that may go below the min mark?
  bool is_reserve(Pfn pfn);

  void after_fork();
  Fault check();

 private:
  friend class PageLists;
  class Attempt;  // page/attempts.cc
  ClaimedFrames claim(const FrameRequest& request, int nid);
  KMEM_COLD ClaimedFrames claim_slowly(const FrameRequest& request, unsigned node);
  Page* alloc_listed(Gfp gfp);
  Page* hand_out(const ClaimedFrames& from, Order order, Gfp gfp);
  // Tells the layers above that frames were freed. Called with no lock held.
  void frames_came_back(Zone& zone);
  void lists_changed();
  void caches_answer(CpuId cpu);

  Reclaim reclaim_;
  SharedBound bound_;
  ChargedMemory charged_;
  PageLists lists_;
  Clearing clearing_;
  Atomic<uint32_t> shrinking_{0};  // a task is shrinking caches, because use fell
};

}  // namespace kmem
