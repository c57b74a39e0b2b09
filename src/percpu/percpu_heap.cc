#include "percpu/percpu_heap.h"

#include "base/bits.h"
#include "port/port.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

static_assert(RoomIndex::class_of(PercpuChunk::kGrains) < RoomIndex::kClasses);

/// In a class whose chunks may be too small or badly aligned, so many are tried before the class above, so that the cost of an
/// allocation does not depend on the number of chunks.
constexpr unsigned kTries = 4;
/// Chunks are mapped several at a time, because the host limits the number of mappings; at most the size that gets huge pages.
constexpr size_t kMostAtATime = size_t{2} << 20;

/// So many empty chunks, plus an eighth of all, keep their memory.
constexpr uint32_t kMostIdle = 4;

unsigned class_of(const PercpuChunk& chunk) { return RoomIndex::class_of(chunk.longest()); }

}  // namespace

// Allocating and freeing -----------------------------------------------------------------------------------------------

void PercpuHeap::list(PercpuChunk& chunk, unsigned was) {
  index_.move(chunk.index, was, [&] { return class_of(chunk); });
}

// The chunk's class may change after a failed search, or after a free by another CPU.
char* PercpuHeap::cut_from(PercpuChunk& chunk, unsigned listed, unsigned nr, unsigned step) {
  char* variable = chunk.cut(nr, step);
  if (variable && KMEM_UNLIKELY(chunk.idle.peek())) note_busy(chunk);
  if (class_of(chunk) != listed) list(chunk, listed);
  return variable;
}

char* PercpuHeap::cut_from_any(unsigned nr, unsigned step) {
  constexpr unsigned kTop = RoomIndex::class_of(PercpuChunk::kGrains);
  const unsigned sure = RoomIndex::class_above(nr + step - 1);
  for (unsigned c = RoomIndex::class_of(nr); c <= kTop; ++c) {
    unsigned tries = 0;
    for (uint32_t i = index_.find(c, 0); i < kMaxChunks; i = index_.find(c, i + 1)) {
      if (char* variable = cut_from(*chunks_[i].load(), c, nr, step)) return variable;
      if (c < sure && ++tries == kTries) break;
    }
  }
  return nullptr;
}

char* PercpuHeap::alloc(size_t bytes, size_t align, Gfp gfp) {
  const auto nr = static_cast<unsigned>((bytes + PercpuChunk::kGrain - 1) / PercpuChunk::kGrain);
  const unsigned step = align > PercpuChunk::kGrain ? static_cast<unsigned>(align / PercpuChunk::kGrain) : 1;
  for (;;) {
    if (char* variable = cut_from_any(nr, step)) return variable;
    if (!(gfp & gfp::kDirectReclaim) || !add_chunks()) return nullptr;
  }
}

bool PercpuHeap::free(char* variable) {
  PercpuChunk* chunk = find(variable);
  if (!chunk) return false;
  const unsigned was = class_of(*chunk);
  if (!chunk->give_back(variable, wipes_)) return false;
  if (class_of(*chunk) != was) list(*chunk, was);
  if (chunk->empty()) note_empty(*chunk);
  return true;
}

void PercpuHeap::note_busy(PercpuChunk& chunk) {
  if (chunk.idle.exchange(false)) nr_idle_.fetch_sub(1);
}

void PercpuHeap::note_empty(PercpuChunk& chunk) {
  if (!chunk.idle.exchange(true)) nr_idle_.fetch_add(1);
  if (nr_idle_.peek() > kMostIdle + nr_chunks_.peek() / 8 && chunk.discard()) note_busy(chunk), list(chunk, 0);
}

// Chunks ---------------------------------------------------------------------------------------------------------------

const PercpuHeap::Place& PercpuHeap::place_of(const char* variables) const {
  return places_[(reinterpret_cast<uintptr_t>(variables) / kPercpuStride * 0x9e3779b97f4a7c15u) >> 51];
}

/// Half as many as there are, so that the number of mappings grows slowly.
uint32_t PercpuHeap::chunks_to_add() const {
  const uint64_t chunk_bytes = nr_copies_ * kPercpuStride, most = kMostAtATime / chunk_bytes;
  const uint64_t wanted = nr_chunks_.load() / 2 + 1;
  return static_cast<uint32_t>(most < 1 ? 1 : wanted < most ? wanted : most);
}

/// Maps the copies of several chunks, followed by their PercpuChunk structs. If another task adds chunks at the same time, all
/// of them are used.
bool PercpuHeap::add_chunks() {
  if (nr_chunks_.load() >= kMaxChunks) return false;
  const uint32_t nr = chunks_to_add();
  const size_t copies = nr_copies_ * kPercpuStride, behind = round_up(nr * sizeof(PercpuChunk), kPageSize);
  const size_t bytes = nr * copies + behind;
  auto* base = should_fail(FaultPoint::Map, kNoGfp, bytes) ? nullptr : static_cast<char*>(kmem_port_map(bytes, kPercpuStride));
  if (!base) return false;
  auto* chunk = reinterpret_cast<PercpuChunk*>(base + nr * copies);
  for (uint32_t i = 0; i < nr; ++i) {
    chunk[i].init(base + i * copies - kPercpuDistance, nr_copies_);
    if (!publish(&chunk[i])) return i != 0;  // the table is full: the rest of the mapping stays unused
  }
  return true;
}

bool PercpuHeap::publish(PercpuChunk* chunk) {
  uint32_t i = nr_chunks_.load();
  for (PercpuChunk* none = nullptr; i < kMaxChunks && !chunks_[i].compare_exchange(none, chunk); none = nullptr) ++i;
  if (i == kMaxChunks) return false;
  chunk->index = i;
  Place& place = const_cast<Place&>(place_of(chunk->variables()));
  PercpuChunk* first = place.load();
  do chunk->next = first;
  while (!place.compare_exchange(first, chunk));
  nr_chunks_.fetch_add(1);
  list(*chunk, 0);
  return true;
}

PercpuChunk* PercpuHeap::find(const char* p) const {
  const auto* variables = reinterpret_cast<const char*>(round_down(reinterpret_cast<uintptr_t>(p), kPercpuStride));
  for (PercpuChunk* chunk = place_of(variables).load(); chunk; chunk = chunk->next)
    if (chunk->variables() == variables) return chunk;
  return nullptr;
}

PercpuChunk* PercpuHeap::find_copy(const char* p, size_t& offset) const {
  for (uint32_t copy = 0; copy < nr_copies_; ++copy)
    if (PercpuChunk* chunk = find(p - percpu_distance(copy))) {
      offset = reinterpret_cast<uintptr_t>(p) % kPercpuStride;
      return chunk;
    }
  return nullptr;
}

// Checking -------------------------------------------------------------------------------------------------------------

Fault PercpuHeap::check() const {
  const uint32_t nr = nr_chunks_.peek();
  for (uint32_t i = 0; i < kMaxChunks; ++i) {
    const PercpuChunk* chunk = chunks_[i].peek();
    if ((chunk != nullptr) != (i < nr)) return {"H1 chunks fill the table from its start", i, i < nr, chunk != nullptr};
    if (!chunk) continue;
    if (find(chunk->variables()) != chunk) return {"H1 a chunk is found by its address", i};
    if (const Fault fault = chunk->check()) return fault;
    const unsigned c = class_of(*chunk);
    if (c && index_.find(c, i) != i) return {"H2 a chunk with room is listed in its class", i, c};
  }
  return {};
}

}  // namespace kmem
