#pragma once
// Single frames of each CPU: the kernel's per-CPU page lists.

#include "page/zones.h"
#include "port/cpu_stack.h"
#include "sync/cpu_requests.h"
#include "sync/sheaf.h"

namespace kmem {

class PageAllocator;

/// Slots of the per-CPU page lists: single frames of the CPU's preferred zone, hot and cold ones.
inline constexpr Slot kHotPages{256};
inline constexpr Slot kColdPages{257};
/// Frames that a refill asks for; the list holds up to kSheafCapacity (the kernel's batch of 63, too).
inline constexpr unsigned kPageBatch = 63;

/// Is a freed frame likely to be in the CPU's caches?
enum class Heat : uint8_t { Hot, Cold };

/// Lock-free; every function may be called in any context.  Frames are taken from a list without a check of the watermarks. So
/// the lists are closed before the first frame below the low mark is handed out; while they are closed, freed frames go to
/// their zone.
///
/// Invariants on a quiet system (walked by check()):
///   P1  a frame on a CPU's page list is claimed in its zone, and its descriptor says None
///   P2  no frame is on two page lists, or twice on one
class PageLists {
 public:
  void init(PageAllocator& pages, SheafPool& sheaves) { pages_ = &pages, sheaves_ = &sheaves; }

  /// A frame of this CPU's lists; the result has no zone if they are empty.
  ClaimedFrames pop(Gfp gfp);
  /// Fills the hot list from the preferred zone, with frames above its low mark, and takes one of them.
  ClaimedFrames refill_and_take();
  /// False: the frame is not for a list, or there is no room.
  bool push(Pfn pfn, const Zone& zone, Heat heat);

  /// Empties this CPU's lists into the zones, and those of the others as far as `others` goes.
  void drain(OtherCpus others);
  /// Called by slow paths: drains this CPU's lists if another CPU has asked for that.
  void answer_requests() {
    const CpuId cpu = CpuStack::where();
    if (KMEM_UNLIKELY(sheaves_->requests().due(cpu))) answer(cpu);
  }

  /// A zone that fills the lists has fallen below its low mark and has not risen above it since. Freed frames go to the zones,
  /// which check each request's reach; the fast paths of single frames are closed.
  bool closed() const { return closed_.peek(); }
  /// Closes them if the node's zone is below its low mark.
  void close_if_low(unsigned node);

  uint64_t nr_listed(CpuId cpu, Slot list) const;
  /// For reports: visits the frames of all CPUs' lists, while those may change.
  void visit(void (*what)(void* arg, Pfn pfn), void* arg) const;
  Fault check() const;

 private:
  bool try_open();
  Sheaf sheaf_of(CpuId cpu, Slot list) const;
  void fill(Sheaf& sheaf, Zone& zone, unsigned batch);
  void make_seen(FrameSet set);
  KMEM_COLD void answer(CpuId cpu);
  void give_back_sheaf(Sheaf sheaf);
  void give_back_entries(Sheaf sheaf);
  template <typename Look>
  Fault each_frame(Look look) const;

  /// The block that a CPU's list was filled from last, as ClaimHint::block.
  struct alignas(kCacheLine) LastBlock {
    Atomic<uint32_t> block{0};
  };
  static constexpr unsigned kLastBlocks = 64;

  PageAllocator* pages_ = nullptr;
  SheafPool* sheaves_ = nullptr;
  AskedCpus asked_;
  Atomic<uint32_t> closed_{0};
  LastBlock last_blocks_[kLastBlocks];  // by CPU; of more CPUs some share one
};

}  // namespace kmem
