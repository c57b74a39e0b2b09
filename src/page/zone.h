#pragma once
// One zone of one node: frames that the same devices can reach.

#include "page/counted_frames.h"
#include "page/page_reporting.h"
#include "page/sections.h"
#include "page/watermarks.h"

namespace kmem {

/// How frames will be used. Dense: all of them will be touched, so a huge page may back them in advance.  Unknown: a page that
/// is never touched must cost nothing.
enum class Use : uint8_t { Unknown, Dense };

/// For which uses kmem asks the host for huge pages.
enum class HugePages : uint8_t { Never, WhereDense, Everywhere };

/// Lock-free; every function may be called in any context.
///
/// A frame is offline (no memory behind it, no descriptor), free, or claimed by an owner.  Free frames are clean (the host
/// holds no memory for them) or dirty. Sections come online when a claim finds no free frame; dirty frames beyond the keep
/// limit go back to the host.
///
/// Invariants on a quiet system (walked by check(), after those of CountedFrames):
///   Z3  no frame of an offline section is free
class Zone {
 public:
  static size_t metadata_bytes(uint64_t nr_frames);

  struct Setup {
    ZoneKind kind = ZoneKind::Normal;
    NodeId node;
    unsigned index = 0;  // in the page allocator's table; every Page of the zone carries it
    Pfn first;           // a multiple of 2^kMaxOrder
    uint64_t nr_frames = 0;
    void* metadata = nullptr;
    char* direct_map = nullptr;
    Page* descriptors = nullptr;   // of pfn 0
    KnownFrames* known = nullptr;  // null: frames are not looked up by their address
    bool addressed = true;         // the frames have addresses
  };
  void init(const Setup& setup);

  ZoneKind kind() const { return setup_.kind; }
  NodeId node() const { return setup_.node; }
  unsigned index() const { return setup_.index; }
  Pfn first() const { return frames_.bits().first(); }
  uint64_t nr_frames() const { return frames_.bits().nr_frames(); }
  bool contains(Pfn p) const { return frames_.bits().contains(p); }
  bool is_online(Pfn p) const { return contains(p) && sections_.is_online((p - first()) / kSectionFrames); }
  char* address(Pfn p) const { return setup_.direct_map + (p.value << kPageShift); }

  /// Claims frames for boot memory: they stay claimed when their section comes online. Only before the first allocation.
  bool online_reserved(Pfn first, uint64_t n);

  /// As FrameBits; these also update the counts, and bring sections online if no frame is free. The use of single frames is
  /// Dense, that of spans Unknown.
  FrameSet claim_some(unsigned n, ClaimHint* hint = nullptr);
  Maybe<Pfn> claim_run(Order order, Use use, bool& all_clean);
  Maybe<Pfn> claim_span(uint64_t n, bool& all_clean);
  bool claim_at(Pfn first, uint64_t n) { return frames_.claim_at(first, n); }
  /// As claim_run(), for frames that will be mapped at another address: they are not made resident at their home address.
  Maybe<Pfn> claim_bare_run(Order order, uint64_t& clean);
  void give_back(FrameSet set) { frames_.give_back(set); }
  void give_back_run(Pfn first, uint64_t n, Frames are = Frames::Dirty) { frames_.give_back_run(first, n, are); }

  const FrameBits& frames() const { return frames_.bits(); }
  const FrameCounts& counts() const { return frames_.counts(); }
  FrameCounts& counts() { return frames_.counts(); }
  uint64_t nr_free() const { return counts().nr_free(); }
  uint64_t nr_dirty() const { return counts().nr_dirty(); }
  uint64_t nr_available() const { return counts().nr_available(); }
  uint64_t nr_in_use() const { return counts().nr_in_use(); }

  /// Gives free frames back to the host.
  const PageReporting& reporting() const { return reporting_; }
  PageReporting& reporting() { return reporting_; }
  const Watermarks& marks() const { return marks_; }

  // Set once, at boot.
  void set_marks(const Watermarks& marks) { marks_ = marks; }
  void set_huge(HugePages huge) {
    huge_ = setup_.addressed ? huge : HugePages::Never;
    reporting_.set_huge(huge_ != HugePages::Never);
  }
  /// Its memory comes from the host's node of that number.
  void set_bound(bool on) { sections_.set_bound(on); }

  /// In the child of a fork: operations of the parent's other threads do not continue.
  void after_fork() { reporting_.after_fork(), sections_.after_fork(); }
  Fault check() const;

 private:
  friend class ZoneTestPeer;
  bool take_in(const Sections::Arrival& arrival);
  bool grow_or_wait(unsigned& looks);
  void note_claimed(uint64_t nr, uint64_t clean) { frames_.counts().note_peak(), reporting_.note_claimed(nr, clean); }
  bool make_huge(Pfn first, uint64_t n, uint64_t clean);
  FrameBits::Where where(Use use) const;

  Setup setup_;
  HugePages huge_ = HugePages::Never;
  CountedFrames frames_;
  Sections sections_;
  PageReporting reporting_;
  Watermarks marks_;
};

}  // namespace kmem
