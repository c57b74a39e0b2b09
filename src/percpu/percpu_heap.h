#pragma once
// Dynamic per-CPU memory: as many chunks as are needed.

#include "page/gfp.h"
#include "percpu/chunk.h"
#include "percpu/room_index.h"

namespace kmem {

/// Lock-free; any context.  New chunks are mapped only for flags that may sleep: an atomic request is served from existing
/// chunks, as in the kernel. Chunks are never freed; the memory of empty ones goes back to the host, except for a few.
///
/// The cost of an allocation does not depend on the number of chunks: one with room is found by its class (RoomIndex), and the
/// chunk of an address by a hash.
///
/// Invariants on a quiet system (walked by check()):
///   H1  chunks fill the table from its start, and each is found by its address
///   H2  a chunk with room is listed in its class
///   and those of every chunk
class PercpuHeap {
 public:
  static constexpr uint32_t kMaxChunks = RoomIndex::kMaxChunks;
  static constexpr size_t kMaxAlign = kPageSize;
  static constexpr size_t kMaxBytes = kPercpuStride;

  void init(uint32_t nr_copies) { nr_copies_ = nr_copies; }
  /// Freed memory is cleared at once.
  void set_init_on_free(bool on) { wipes_ = on; }

  /// The variable's address (nothing lies there itself; see port/cpu_local.h), or null if there is no memory. `bytes` from 1 to
  /// kMaxBytes, `align` a power of two up to kMaxAlign; zero in every copy.
  char* alloc(size_t bytes, size_t align, Gfp gfp);
  /// False, and nothing has changed, if no variable of the heap begins there.
  [[nodiscard]] bool free(char* variable);

  /// The chunk in which the address of a variable or of its copy lies; null if there is none. `offset`: within the chunk.
  PercpuChunk* find(const char* p) const;
  PercpuChunk* find_copy(const char* p, size_t& offset) const;
  uint32_t nr_chunks() const { return nr_chunks_.peek(); }
  const PercpuChunk& chunk(uint32_t i) const { return *chunks_[i].peek(); }
  Fault check() const;

 private:
  friend class PercpuHeapTestPeer;
  using Place = Atomic<PercpuChunk*>;
  static constexpr unsigned kPlaces = 1 << 13;

  char* cut_from_any(unsigned nr, unsigned step);
  char* cut_from(PercpuChunk& chunk, unsigned listed, unsigned nr, unsigned step);
  uint32_t chunks_to_add() const;
  bool add_chunks();
  bool publish(PercpuChunk* chunk);
  void list(PercpuChunk& chunk, unsigned was);
  void note_busy(PercpuChunk& chunk);
  void note_empty(PercpuChunk& chunk);
  const Place& place_of(const char* variables) const;

  uint32_t nr_copies_ = 0;
  bool wipes_ = false;
  Atomic<uint32_t> nr_chunks_;  // may lag behind the table by a few
  Atomic<uint32_t> nr_idle_;    // chunks marked as idle
  Place chunks_[kMaxChunks];
  Place places_[kPlaces];  // the chunks by a hash of their addresses
  RoomIndex index_;
};

}  // namespace kmem
