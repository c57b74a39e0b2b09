#pragma once
// Which parts of a zone have memory behind them.

#include "base/atomic.h"
#include "base/types.h"
#include "page/frame_counts.h"
#include "page/known_frames.h"
#include "page/page.h"
#include "port/port.h"

namespace kmem {

/// Frames are brought online by sections of 8 MiB, in the order of their addresses, when the zone has no others.
inline constexpr uint64_t kSectionFrames = 4 * kBlockFrames;

/// The sections of one zone.  Lock-free, any context.
///
/// A section comes online once, and the CPU that brought it owns its frames until finish().
class Sections {
 public:
  static size_t metadata_bytes(uint64_t nr_frames);

  struct Setup {
    NodeId node;
    Pfn first;
    uint64_t nr_frames = 0;
    void* metadata = nullptr;  // zeroed
    char* direct_map = nullptr;
    Page* descriptors = nullptr;   // of pfn 0
    KnownFrames* known = nullptr;  // null: frames are not looked up by their address
    FrameCounts* counts = nullptr;
    bool addressed = true;  // the frames have addresses
  };
  void init(const Setup& setup) {
    setup_ = setup;
    states_ = static_cast<Atomic<uint8_t>*>(setup.metadata);
  }
  /// Memory comes from the zone's node of the host.
  void set_bound(bool on) { bound_ = on; }

  /// Frames of a section that came online; none if nr is 0.
  struct Arrival {
    Pfn first;
    uint64_t nr = 0;
  };
  /// Brings the lowest section online that is not; no frames if the host has no more.
  Arrival bring_next();
  /// Brings the section of that number online; no frames if it is online already, or the host refuses.
  Arrival bring(uint64_t section);
  /// The frames of an arrived section have been freed to the zone.
  void finish() { arriving_.fetch_sub(1); }
  /// Is another CPU about to free the frames of a section to the zone?
  bool has_arriving() const { return arriving_.load() != 0; }

  bool is_online(uint64_t section) const { return states_[section].load() == Present; }
  void after_fork() { arriving_.store(0); }

 private:
  friend class ZoneTestPeer;
  /// Absent: another mapping has its addresses.
  enum State : uint8_t { Offline, Coming, Present, Absent };

  uint64_t nr_sections() const { return (setup_.nr_frames + kSectionFrames - 1) / kSectionFrames; }
  Arrival frames_of(uint64_t section) const;
  Online open(const Arrival& frames);
  bool conclude(uint64_t section, State state);

  Setup setup_;
  bool bound_ = false;
  Atomic<uint8_t>* states_ = nullptr;
  Atomic<uint64_t> next_{0};  // a hint: all before are online or absent
  Atomic<uint32_t> arriving_{0};
};

}  // namespace kmem
