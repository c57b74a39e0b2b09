#pragma once
// One zone of one node: its frames, how many are free, and what of them the host holds memory for.

#include "base/atomic.h"
#include "base/fault.h"
#include "base/maybe.h"
#include "base/types.h"
#include "page/frame_bits.h"
#include "page/page.h"
#include "page/policy.h"

namespace kmem {

enum class ZoneKind : uint8_t { Dma, Dma32, Normal, HighMem };
inline constexpr unsigned kZoneKinds = 4;

/// Frames are brought online by sections of 8 MiB, in the order of their addresses, when the zone has no others.
inline constexpr uint64_t kSectionFrames = 4 * kBlockFrames;

/// Lock-free; every function may be called in any context.
///
/// A frame is offline (no memory behind it, no descriptor), free, or claimed; claimed frames belong to whoever claimed
/// them.  Free frames are clean (the host holds nothing for them) or dirty.  What is dirty beyond keep_limit() goes back
/// to the host by give_to_host(), highest addresses first, whole blocks before parts.
///
/// Invariants on a quiet system (walked by check(), after those of FrameBits):
///   Z1  nr_free() is the number of free bits
///   Z2  nr_dirty() is the number of free frames that are not clean
///   Z3  no frame of an offline section is free
class Zone {
 public:
  static size_t metadata_bytes(uint64_t nr_frames);

  struct Setup {
    ZoneKind kind;
    NodeId node;
    unsigned index = 0;  // in the page allocator's table; every Page of the zone carries it
    Pfn first;           // a multiple of 2^kMaxOrder
    uint64_t nr_frames = 0;
    void* metadata = nullptr;
    char* direct_map = nullptr;
    Page* descriptors = nullptr;  // of pfn 0
  };
  void init(const Setup& setup);

  ZoneKind kind() const { return kind_; }
  NodeId node() const { return node_; }
  unsigned index() const { return index_; }
  Pfn first() const { return frames_.first(); }
  uint64_t nr_frames() const { return frames_.nr_frames(); }
  bool contains(Pfn p) const { return frames_.contains(p); }
  bool is_online(Pfn p) const;
  char* address(Pfn p) const { return direct_map_ + (p.value << kPageShift); }

  /// Takes frames out of boot memory's hands before they ever were free: they stay claimed when their section comes
  /// online.  Before the first allocation only.
  bool online_reserved(Pfn first, uint64_t n);

  /// As FrameBits, with the counters, and bringing sections online where nothing is free.
  FrameSet claim_some(unsigned n, unsigned skip = 0);
  Maybe<Pfn> claim_run(Order order, bool& all_clean);
  Maybe<Pfn> claim_span(uint64_t n, bool& all_clean);
  bool claim_at(Pfn first, uint64_t n);
  /// As claim_run(), for frames that will be seen elsewhere: the host is asked for nothing at their home address.
  Maybe<Pfn> claim_bare_run(Order order, uint64_t& clean);
  void give_back(FrameSet set);
  void give_back_run(Pfn first, uint64_t n, bool clean = false);

  /// Gives dirty free frames back to the host until at most `keep` are left; the number that went.
  uint64_t give_to_host(uint64_t keep);
  /// The same if more than keep_limit() are dirty.  Called by whoever has given frames back and holds nothing.
  void settle();
  /// Dirty free frames that stay: a quarter of what is in use, at least 2 MiB; and as many as were lately wanted back,
  /// up to 8 MiB and three times what is in use.  So all of it falls with what is in use, and who has freed all keeps 2 MiB,
  /// or 8 if it lately swung.
  uint64_t keep_limit() const;

  /// Frames that must stay free because memory was taken elsewhere on their account.
  void charge(uint64_t n) { charged_.fetch_add(n); }
  /// Takes up to n of them off the account; how many.
  uint64_t uncharge(uint64_t n);
  uint64_t nr_charged() const { return charged_.peek(); }
  /// Frames that are free here and not to be had: others have taken the memory for them (page/shared_bound.h).
  void set_others(uint64_t n) { others_.store(n); }
  uint64_t nr_others() const { return others_.peek(); }

  /// Free frames, those of sections to come included, without those charged and what
  /// others have: what watermarks are compared with.
  uint64_t nr_available() const;
  /// The same with what others have.
  uint64_t nr_available_with_others() const;
  uint64_t nr_free() const { return positive(nr_free_.peek()); }
  uint64_t nr_dirty() const { return positive(nr_dirty_.peek()); }
  uint64_t nr_online() const { return nr_online_.peek(); }
  uint64_t nr_in_use() const { return nr_online() > nr_free() ? nr_online() - nr_free() : 0; }
  uint64_t nr_returned() const { return nr_returned_.peek(); }    // frames given to the host, ever
  uint64_t nr_returns() const { return nr_returns_.peek(); }      // host calls for it
  uint64_t most_in_use() const { return most_in_use_.peek(); }    // frames, at any time
  const FrameBits& frames() const { return frames_; }

  /// Has what is in use fallen to a quarter of what it was?  True once for each such fall, from 8 MiB on: then what caches
  /// above hold back is out of proportion.
  bool ebbs();

  /// In the child of a fork: a give_to_host() of another thread does not go on.
  void after_fork() { returning_.store(0), filling_.store(0); }
  void set_huge(bool on) { huge_ = on; }
  /// Its memory is asked of the host's node of that number.
  void set_bound(bool on) { bound_ = on; }

  Marks marks() const { return {watermark_min, watermark_low, watermark_high}; }
  uint64_t watermark_min = 0, watermark_low = 0, watermark_high = 0;  // set once, at boot
  uint64_t lowmem_reserve[kZoneKinds] = {};

  Fault check() const;

 private:
  friend class ZoneTestPeer;
  enum SectionState : uint8_t { Offline, Coming, Online };

  uint64_t nr_sections() const { return (nr_frames() + kSectionFrames - 1) / kSectionFrames; }
  static uint64_t positive(int64_t n) { return n < 0 ? 0 : static_cast<uint64_t>(n); }
  bool grow();
  bool bring_online(uint64_t section);
  void free_section(uint64_t section);
  bool another_fills(unsigned& looks) const;
  void count_claimed(uint64_t n, uint64_t clean);
  uint64_t return_block(uint64_t block);
  uint64_t return_parts(uint64_t block, unsigned least);
  uint64_t return_all_parts(uint64_t keep, unsigned least);
  bool parts_are_worth_a_search(uint64_t keep) const;
  bool discard(Pfn first, uint64_t n);
  void note_wanted(uint64_t clean);
  void make_huge(Pfn first, uint64_t n, uint64_t clean);
  void note_in_use();
  void begin_window();

  FrameBits frames_;
  ZoneKind kind_ = ZoneKind::Normal;
  NodeId node_;
  unsigned index_ = 0;
  bool huge_ = false, bound_ = false;
  char* direct_map_ = nullptr;
  Page* descriptors_ = nullptr;
  Atomic<uint8_t>* sections_ = nullptr;
  Atomic<uint64_t> next_section_{0};  // a hint: all before are online
  Atomic<uint64_t> charged_{0}, others_{0};
  Atomic<uint32_t> filling_{0};       // CPUs that give the frames of a section that came
  alignas(kCacheLine) Atomic<int64_t> nr_free_{0};
  Atomic<int64_t> nr_dirty_{0};
  Atomic<uint64_t> nr_online_{0};
  Atomic<uint64_t> nr_returned_{0};
  Atomic<uint64_t> nr_returns_{0};
  Atomic<uint64_t> most_in_use_{0};  // an estimate, as those below
  Atomic<uint64_t> futile_{0};       // dirty frames that a search for long runs left behind
  Atomic<uint64_t> flood_{0};        // the most in use since the last ebb
  Atomic<uint32_t> returning_{0};
  Atomic<uint32_t> asked_again_{0};  // somebody came while returning_ was set
  // How many dirty frames were wanted back lately: estimates, written without care for a lost update.
  Atomic<uint64_t> crest_{0};         // the most dirty frames in this window
  Atomic<uint64_t> wanted_{0};        // how far they fell from there, or would have fallen; halved with each window
  Atomic<uint64_t> missed_{0};        // frames given to the host and not wanted back since
  Atomic<uint64_t> window_start_{0};  // ns
};

}  // namespace kmem
