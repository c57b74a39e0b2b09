#pragma once
// Dynamic per-CPU memory: as many chunks as are needed.

#include "page/gfp.h"
#include "percpu/chunk.h"

namespace kmem {

/// Lock-free; any context.  A new chunk is mapped only for flags that may sleep: an atomic request is served from what
/// there is, as in the kernel.  Chunks stay; the pages behind those that become empty do too.
///
/// Invariants on a quiet system (walked by check()):
///   H1  chunks fill the table from its start
///   and those of every chunk
class PercpuHeap {
 public:
  static constexpr unsigned kMaxChunks = 4096;
  static constexpr size_t kMaxAlign = kPageSize;
  static constexpr size_t kMaxBytes = kPercpuStride;

  void init(uint32_t nr_copies) { nr_copies_ = nr_copies; }

  /// The variable's address (nothing lies there itself; see port/cpu_local.h), or null where there is no memory.
  /// `bytes` from 1 to kMaxBytes, `align` a power of two up to kMaxAlign; zero in every copy.
  char* alloc(size_t bytes, size_t align, Gfp gfp);
  /// False where no variable of ours begins there; nothing has changed then.
  [[nodiscard]] bool free(char* variable);

  /// The chunk that a variable's address, or its copy's, lies in; null where none.  `offset`: within the chunk.
  PercpuChunk* find(const char* p) const;
  PercpuChunk* find_copy(const char* p, size_t& offset) const;
  unsigned nr_chunks() const { return nr_chunks_.peek(); }
  const PercpuChunk& chunk(unsigned i) const { return *chunks_[i].peek(); }
  Fault check() const;

 private:
  bool add_chunk();
  char* cut_from_any(size_t bytes, size_t align);
  void* map_copies(char*& base) const;

  uint32_t nr_copies_ = 0;
  Atomic<uint32_t> nr_chunks_;  // at most one less than there are in the table
  Atomic<PercpuChunk*> chunks_[kMaxChunks];
};

}  // namespace kmem
