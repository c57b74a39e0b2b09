#pragma once
// A chunk of dynamic per-CPU memory: kPercpuStride bytes of every copy, cut into pieces.

#include "base/atomic.h"
#include "base/fault.h"
#include "port/cpu_local.h"

namespace kmem {

/// Pieces consist of grains. Three bitmaps with one bit for each grain describe them:
///
///   used    the grain belongs to a piece, or is being cut or freed
///   first   it is the first of a piece
///   last    it is the last of a piece
///
/// Lock-free. To cut a piece, a thread sets bits of `used` that were all clear, word by word; if a word turns out to be
/// taken, it clears the bits that it has set. To free a piece, a thread clears the bit in `first`, which only one
/// caller succeeds in, and then the bits up to `last`. So an interrupt may do either at any point of either.
///
/// The chunk also records its room, so that a full chunk is not searched: the largest possible number of contiguous free
/// grains, and the grain below which none is free. A free raises the first, lowers the second and changes the version. A search
/// that finds nothing records its result, if the version is unchanged.
///
/// Invariants on a quiet system (walked by check()):
///   K1  a first grain is used, and so are all after it up to a last one
///   K2  a used grain lies in a piece
///   K3  nr_used() is the number of used grains
///   K4  no run of free grains is longer than longest(), and none lies below lowest()
class PercpuChunk {
 public:
  static constexpr size_t kGrain = 8;
  static constexpr unsigned kGrains = kPercpuStride / kGrain;

  /// `variables`: the address of the chunk's variables, of which copy n lies at the distance of n; all copies read as
  /// zero.
  void init(char* variables, uint32_t nr_copies);

  /// Allocates nr grains at a multiple of `step` grains (a power of two), zero in every copy; null if there is no room.
  char* cut(unsigned nr, unsigned step);
  /// Frees a piece; returns its number of grains, or 0 if no piece begins there, and then nothing has changed. `wipe`:
  /// clears the piece now, and not when its grains are allocated again.
  [[nodiscard]] unsigned give_back(char* variable, bool wipe = false);
  /// Gives the memory of all copies back to the host if no piece is left; false if one is allocated.
  bool discard();

  bool contains(const char* p) const { return p >= variables_ && p < variables_ + kPercpuStride; }
  char* variables() const { return variables_; }
  uint32_t nr_used() const { return nr_used_.peek(); }
  bool empty() const { return !nr_used_.peek(); }
  /// The largest possible number of contiguous free grains.
  unsigned longest() const { return Room::of(room_.load()).longest; }
  unsigned lowest() const { return Room::of(room_.peek()).lowest; }
  /// Bytes of the piece that begins there; 0 if none does.
  size_t size_of(const char* variable) const;
  Fault check() const;

  // For the owner of the chunks: this chunk's number, the next chunk with the same hash, and whether it has been empty since
  // its last piece was freed.
  uint32_t index = 0;
  Atomic<bool> idle;
  PercpuChunk* next = nullptr;

 private:
  friend class PercpuChunkTestPeer;
  static constexpr unsigned kWords = kGrains / 64;
  using Row = Atomic<uint64_t>[kWords];

  struct Room {
    uint32_t version = 0;
    uint16_t longest = 0, lowest = 0;
    static Room of(uint64_t word) {
      return {static_cast<uint32_t>(word >> 32), static_cast<uint16_t>(word >> 16), static_cast<uint16_t>(word)};
    }
    uint64_t word() const { return uint64_t{version} << 32 | uint32_t{longest} << 16 | lowest; }
  };

  static bool test(const Row& row, unsigned grain) { return row[grain / 64].peek() >> grain % 64 & 1; }
  static void set(Row& row, unsigned grain) { row[grain / 64].fetch_or(uint64_t{1} << grain % 64); }
  /// Clears the bit; returns whether it was set.
  static bool clear(Row& row, unsigned grain);
  unsigned find(unsigned from, unsigned nr, unsigned step) const;
  unsigned longest_now() const;
  unsigned first_free(unsigned from) const;
  unsigned end_of_room(unsigned grain);
  unsigned start_of_room(unsigned grain);
  void note_room(uint64_t seen, unsigned longest);
  void note_freed(unsigned grain, unsigned nr);
  bool claim(unsigned grain, unsigned nr);
  void unclaim(unsigned grain, unsigned nr);
  unsigned last_of(unsigned grain) const;
  void zero(unsigned grain, unsigned nr);
  bool is_stale() const;
  Fault check_pieces() const;
  Fault check_room() const;

  char* variables_ = nullptr;
  uint32_t nr_copies_ = 0;
  Atomic<uint32_t> nr_used_;
  Atomic<uint64_t> room_;
  Row used_, first_, last_;
  Row stale_;  // grains that were used before, and must be cleared before reuse
};

}  // namespace kmem
