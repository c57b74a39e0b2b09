#pragma once
// All caches of the system, and the two faces that ask by size: kmalloc() and malloc().

#include "slab/cache.h"
#include "slab/guarded_pool.h"
#include "slab/mapped.h"
#include "slab/size_class.h"

namespace kmem {

/// What an address is to us.
/// Guarded: it lies in the guarded pool, and begins an object there if it has bytes.
enum class BlockKind : uint8_t { Foreign, Object, Run, Mapped, Inside, Free, Pages, Guarded };

/// Whose calls gave a block, as far as it can be told.
enum class Family : uint8_t { Unknown, Malloc, Kmalloc, OwnCache };

struct Block {
  BlockKind kind = BlockKind::Foreign;
  Cache* cache = nullptr;  // Object, Guarded
  size_t bytes = 0;        // usable
};

/// Lock-free; every function may be called in any context.
class Heap {
 public:
  static constexpr uint32_t kMaxCaches = 2048;
  /// malloc() asks the port for address space from this size on; below it the page allocator serves.
  static constexpr size_t kMappedFrom = size_t{4} << 20;
  static constexpr size_t kKmallocLimit = size_t{4} << 20;
  /// Objects of checked caches: 32, 64, ... 4096.  What is larger is guarded by pages.
  static constexpr unsigned kNrCheckedClasses = 8;
  static constexpr size_t kLargestChecked = size_t{32} << (kNrCheckedClasses - 1);

  static size_t metadata_bytes(unsigned nr_nodes);
  /// Fills the tables of slab/tables.h and makes the caches of all size classes.  `metadata` is zeroed.
  /// `world` stays the caller's, and is told where the caches are.
  void init(SlabWorld& world, char* base, char* metadata);

  /// Hardened: no large block without closed pages around it.
  void guard_large(bool always) { guards_large_ = always; }
  /// The first blocks of each size that malloc() gives, and then one now and then, come from checked caches.
  void start_probation(uint32_t nr_blocks);
  /// Looks for what nobody noticed: objects that were freed twice and still lie in sheaves; with `quiet`, when no other
  /// task runs, what was written around and into the objects of debugged caches.  The number of faults, if it is quiet.
  uint64_t last_look(bool quiet);
  /// The block is freed with this size; is that what it was asked for with?  If not, that is reported.
  void check_size(const void* p, const Block& block, size_t size);

  void* kmalloc(size_t size, Gfp gfp, int nid);
  void* malloc(size_t size, bool zero);
  /// The cache that serves kmalloc() of 1 to kKmallocMax bytes without a zone.
  Cache& kmalloc_cache(size_t size) {
    return caches_[reinterpret_cast<const uint8_t*>(base_ + kKmallocClasses)[(size - 1) / 8]];
  }
  /// The cache that serves malloc() up to kMallocMax.
  Cache& malloc_cache(size_t size) {
    return caches_[reinterpret_cast<const uint8_t*>(base_ + kMallocClasses)[size ? (size - 1) / 16 : 0]];
  }
  void* malloc_aligned(size_t size, size_t align);
  /// Null: there is no memory, and the block is as it was.
  void* realloc(void* p, size_t size, Gfp gfp, bool by_malloc);
  /// An object of the cache between guard pages, if it is time for one; null otherwise.  To be asked on slow paths only.
  void* sample(Cache& cache, size_t size, size_t align, Gfp gfp, bool zero);
  /// False: nothing was freed; see classify().
  [[nodiscard]] bool free(void* p);
  Block classify(const void* p);
  Family family_of(const void* p, const Block& block) const;
  size_t usable(const void* p) { return classify(p).bytes; }
  size_t kmalloc_size(size_t size) const;

  /// A new cache; null where there is no more room.  Caches are never moved.
  Cache* create(const Cache::Setup& setup);
  /// False: objects are out, nothing changed.
  bool destroy(Cache* cache);
  /// From now on every object is asked for by Cache::alloc(), whoever asks.
  void divert(bool on);
  /// All caches; the slabs that went.
  uint64_t shrink_all(bool everywhere);
  /// All caches that may be shrunk when memory is short; the frames that came back.
  uint64_t reclaim(bool everywhere);
  void ebb();

  uint32_t nr_caches() const { return nr_caches_.peek(); }
  /// 1 to nr_caches(); those that were destroyed are not live().
  Cache& cache(uint32_t id) { return caches_[id]; }
  MappedBlocks& mapped() { return mapped_; }
  PageAllocator& pages() { return *world_->pages; }
  uint64_t nr_runs() const { return nr_runs_.value(); }

 private:
  Cache* place_for_cache(uint32_t& id);
  uint32_t malloc_alignment(const char* name, uint32_t size) const;
  Cache* kmalloc_cache(unsigned index, Gfp gfp);
  void* alloc_run(size_t size, Gfp gfp, int nid, size_t align);
  void free_guarded(void* p, const Block& block);
  void* malloc_large(size_t size, bool zero);
  void* malloc_checked(size_t size);
  void remember_asked(void* run, size_t size);
  bool check_run(char* run);
  uint64_t check_runs();
  char red_at(const char* at) const;
  void* realloc_run(void* p, size_t size, bool by_malloc);
  void* count_large(void* p);
  void* move(void* p, size_t old, size_t size, Gfp gfp, bool by_malloc);

  SlabWorld* world_ = nullptr;
  char* base_ = nullptr;
  Cache* caches_ = nullptr;  // by id; 0 is nobody's
  CacheNode* nodes_ = nullptr;
  Atomic<uint32_t> nr_caches_{0};
  Atomic<uint32_t> nr_retired_{0};  // places among them that may be used again
  uint32_t first_malloc_ = 0, first_kmalloc_ = 0;
  Atomic<uint32_t> dma_caches_[kNrKmallocClasses][2];
  /// Counts down to 0, and on to the next checked block; a hint.
  Atomic<int32_t> until_checked_[kNrMallocClasses];
  Atomic<int32_t> large_until_checked_{0};
  Cache* checked_[kNrCheckedClasses] = {};
  bool probation_ = false, guards_large_ = false;
  MappedBlocks mapped_;
  Counter nr_runs_;
};

}  // namespace kmem
