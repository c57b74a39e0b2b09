#include "percpu/percpu_heap.h"

#include "base/bits.h"
#include "port/port.h"
#include "watch/fault_injection.h"

namespace kmem {

char* PercpuHeap::cut_from_any(size_t bytes, size_t align) {
  for (unsigned i = 0; i < kMaxChunks; ++i) {
    PercpuChunk* chunk = chunks_[i].load();
    if (!chunk) break;
    if (char* variable = chunk->cut(bytes, align)) return variable;
  }
  return nullptr;
}

char* PercpuHeap::alloc(size_t bytes, size_t align, Gfp gfp) {
  for (;;) {
    if (char* variable = cut_from_any(bytes, align)) return variable;
    if (!(gfp & gfp::kDirectReclaim) || !add_chunk()) return nullptr;
  }
}

/// A chunk's copies in a row, and what tells the pieces apart behind them.  Somebody else may have added one meanwhile:
/// then there are two, and both are used.
bool PercpuHeap::add_chunk() {
  if (nr_chunks_.load() >= kMaxChunks) return false;
  const size_t copies = size_t{nr_copies_} * kPercpuStride, bytes = copies + round_up(sizeof(PercpuChunk), kPageSize);
  auto* base = should_fail(FaultPoint::Map, kNoGfp, bytes) ? nullptr : static_cast<char*>(kmem_port_map(bytes, kPercpuStride));
  if (!base) return false;
  auto* chunk = reinterpret_cast<PercpuChunk*>(base + copies);
  chunk->init(base - kPercpuDistance, nr_copies_);
  for (unsigned i = nr_chunks_.load(); i < kMaxChunks; ++i) {
    PercpuChunk* none = nullptr;
    if (!chunks_[i].compare_exchange(none, chunk)) continue;
    nr_chunks_.fetch_add(1);
    return true;
  }
  kmem_port_unmap(base, bytes);
  return false;
}

PercpuChunk* PercpuHeap::find(const char* p) const {
  for (unsigned i = 0; i < kMaxChunks; ++i) {
    PercpuChunk* chunk = chunks_[i].load();
    if (!chunk || chunk->contains(p)) return chunk;
  }
  return nullptr;
}

PercpuChunk* PercpuHeap::find_copy(const char* p, size_t& offset) const {
  for (unsigned i = 0; i < kMaxChunks; ++i) {
    PercpuChunk* chunk = chunks_[i].load();
    if (!chunk) break;
    const uintptr_t at =
        reinterpret_cast<uintptr_t>(p) - reinterpret_cast<uintptr_t>(chunk->variables() + kPercpuDistance);
    if (at >= nr_copies_ * kPercpuStride) continue;
    offset = at % kPercpuStride;
    return chunk;
  }
  return nullptr;
}

bool PercpuHeap::free(char* variable) {
  PercpuChunk* chunk = find(variable);
  return chunk && chunk->give_back(variable);
}

Fault PercpuHeap::check() const {
  const unsigned nr = nr_chunks_.peek();
  for (unsigned i = 0; i < kMaxChunks; ++i) {
    const PercpuChunk* chunk = chunks_[i].peek();
    if ((chunk != nullptr) != (i < nr)) return {"H1 chunks fill the table from its start", i, i < nr, chunk != nullptr};
    if (!chunk) continue;
    if (const Fault fault = chunk->check()) return fault;
  }
  return {};
}

}  // namespace kmem
