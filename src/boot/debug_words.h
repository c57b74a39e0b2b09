#pragma once
// The boot word slub_debug=: which checks, for which caches.

#include "base/span.h"
#include "base/types.h"

namespace kmem {

/// What is done to each object of a debugged cache.  The first four are the kernel's SLAB_ flags (linux/slab.h).
namespace debug {
inline constexpr uint32_t kChecks = 0x1;     // F: check every object against its slab's bits
inline constexpr uint32_t kRedZone = 0x2;    // Z: bytes before and behind each object
inline constexpr uint32_t kPoison = 0x4;     // P: free objects hold a pattern
inline constexpr uint32_t kOwner = 0x8;      // U: who allocated it, who freed it
inline constexpr uint32_t kTrace = 0x10000;  // T: a line in the log for each call
inline constexpr uint32_t kAll = kChecks | kRedZone | kPoison | kOwner | kTrace;
/// The meaning of slub_debug without a value.
inline constexpr uint32_t kDefault = kChecks | kRedZone | kPoison | kOwner;
}  // namespace debug

/// The grammar of the kernel (Documentation/mm/slub.rst): slub_debug[=BLOCK[;BLOCK...]], where a block is letters and,
/// after a comma, names of caches, each up to its first `*`.  Letters: F Z P U T, `-` for none, O: not for caches whose
/// slabs it would make larger.  A block without letters means FZPU.  A cache is checked as the first block that names it says,
/// or else as the last block without names says.
class DebugWords {
 public:
  static constexpr size_t kRoom = 256;

  /// `text` is what follows the `=`; empty for the word alone.  False, and nothing changed, if it is invalid or too long.
  bool parse(Span<const char> text);
  /// Adds checks for all caches.
  void add_for_all(uint32_t flags) { everywhere_ |= flags; }
  uint32_t flags_for(const char* cache) const;
  bool any() const { return everywhere_ || length_; }
  /// O: caches whose slabs would become larger are not checked.
  bool spares_large() const { return spares_large_; }

 private:
  uint32_t everywhere_ = 0;
  bool spares_large_ = false;
  size_t length_ = 0;
  char text_[kRoom] = {};
};

}  // namespace kmem
