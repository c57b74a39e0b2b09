#pragma once
// A chunk of dynamic per-CPU memory: kPercpuStride bytes of every copy, cut into pieces.

#include "base/atomic.h"
#include "base/fault.h"
#include "port/cpu_local.h"

namespace kmem {

/// Pieces are cut in grains.  What they are is three rows of bits, one bit a grain:
///
///   used    the grain belongs to a piece, or is being cut or given back
///   first   it is a piece's first
///   last    it is a piece's last
///
/// Lock-free: to cut is to set bits of `used` that were all clear, word by word, and to put back those already set
/// where a word turns out to be somebody's; to give back is to clear the bit in `first`, which one caller alone does,
/// and then what lies up to `last`.  So an interrupt may do either at any point of either.
///
/// Invariants on a quiet system (walked by check()):
///   K1  a first grain is used, and so are all after it up to a last one
///   K2  a used grain lies in a piece
///   K3  nr_used() is the number of used grains
class PercpuChunk {
 public:
  static constexpr size_t kGrain = 8;
  static constexpr unsigned kGrains = kPercpuStride / kGrain;

  /// `variables`: the address of the chunk's variables, of which copy n lies at the distance of n; all copies read as
  /// zero.
  void init(char* variables, uint32_t nr_copies);

  /// `bytes` at a multiple of `align` (a power of two), zero in every copy; null where no room is left.
  char* cut(size_t bytes, size_t align);
  /// False where no piece begins there; nothing has changed then.
  [[nodiscard]] bool give_back(char* variable);

  bool contains(const char* p) const { return p >= variables_ && p < variables_ + kPercpuStride; }
  char* variables() const { return variables_; }
  uint32_t nr_used() const { return nr_used_.peek(); }
  /// Bytes of the piece that begins there; 0 where none does.
  size_t size_of(const char* variable) const;
  Fault check() const;

 private:
  friend class PercpuChunkTestPeer;
  static constexpr unsigned kWords = kGrains / 64;
  using Row = Atomic<uint64_t>[kWords];

  static bool test(const Row& row, unsigned grain) { return row[grain / 64].peek() >> grain % 64 & 1; }
  static void set(Row& row, unsigned grain) { row[grain / 64].fetch_or(uint64_t{1} << grain % 64); }
  /// Was it set?
  static bool clear(Row& row, unsigned grain);
  unsigned first_used(unsigned grain, unsigned nr) const;
  bool claim(unsigned grain, unsigned nr);
  void unclaim(unsigned grain, unsigned nr);
  unsigned last_of(unsigned grain) const;
  void zero(unsigned grain, unsigned nr);

  char* variables_ = nullptr;
  uint32_t nr_copies_ = 0;
  Atomic<uint32_t> nr_used_;
  Row used_, first_, last_;
  Row stale_;  // a piece lay there once: what it left has to be cleared
};

}  // namespace kmem
