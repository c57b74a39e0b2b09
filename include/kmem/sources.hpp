#ifndef KMEM_SOURCES_HPP
#define KMEM_SOURCES_HPP
#include <linux/mempool.h>
#include <kmem/allocator.hpp>

#include <memory_resource>
#include <new>

namespace kmem {

/// Sources of memory for an allocator or a pmr resource: objects with get() and put(). Each is two words and may be copied
/// freely; the cache or pool that it refers to must outlive all users. get() throws std::bad_alloc.

/// kmalloc on a preferred node; with __GFP_THISNODE only there.
class node_source {
 public:
  explicit node_source(int nid, gfp_t flags = GFP_KERNEL) noexcept : nid_(nid), flags_(flags) {}
  void* get(std::size_t bytes, std::size_t align) const {
    if (align > ARCH_KMALLOC_MINALIGN) {
      std::size_t rounded = align;
      while (rounded < bytes && rounded <= KMALLOC_MAX_SIZE) rounded *= 2;
      bytes = rounded;
    }
    if (void* memory = kmalloc_node(bytes ? bytes : 1, flags_, nid_)) return memory;
    throw std::bad_alloc();
  }
  void put(void* memory, std::size_t, std::size_t) const noexcept { kfree(memory); }
  /// May each free blocks of the other?
  friend bool operator==(const node_source&, const node_source&) noexcept { return true; }

 private:
  int nid_;
  gfp_t flags_;
};

/// Objects of a cache for requests whose size and alignment fit; other requests, such as a growing table, use kmalloc.
class cache_source {
 public:
  explicit cache_source(struct kmem_cache* cache, gfp_t flags = GFP_KERNEL, std::size_t align = 8) noexcept
      : cache_(cache), align_(align), flags_(flags) {}
  void* get(std::size_t bytes, std::size_t align) const {
    void* memory = fits(bytes, align) ? kmem_cache_alloc(cache_, flags_) : kmalloc_aligned(bytes, align, flags_);
    if (memory) return memory;
    throw std::bad_alloc();
  }
  void put(void* memory, std::size_t bytes, std::size_t align) const noexcept {
    fits(bytes, align) ? kmem_cache_free(cache_, memory) : kfree(memory);
  }
  friend bool operator==(const cache_source& a, const cache_source& b) noexcept { return a.cache_ == b.cache_; }

 private:
  bool fits(std::size_t bytes, std::size_t align) const noexcept { return bytes <= kmem_cache_size(cache_) && align <= align_; }

  struct kmem_cache* cache_;
  std::size_t align_;
  gfp_t flags_;
};

/// Elements of a memory pool, of `bytes` bytes each: with flags that may sleep it waits and does not fail.  A request larger
/// than an element throws std::bad_alloc, because the pool cannot guarantee it.
class pool_source {
 public:
  pool_source(mempool_t* pool, std::size_t bytes, gfp_t flags = GFP_KERNEL, std::size_t align = 8) noexcept
      : pool_(pool), bytes_(bytes), align_(align), flags_(flags) {}
  void* get(std::size_t bytes, std::size_t align) const {
    if (bytes > bytes_ || align > align_) throw std::bad_alloc();
    if (void* memory = mempool_alloc(pool_, flags_)) return memory;
    throw std::bad_alloc();
  }
  void put(void* memory, std::size_t, std::size_t) const noexcept { mempool_free(memory, pool_); }
  friend bool operator==(const pool_source& a, const pool_source& b) noexcept { return a.pool_ == b.pool_; }

 private:
  mempool_t* pool_;
  std::size_t bytes_, align_;
  gfp_t flags_;
};

/// An allocator for the standard containers on one of the sources.
template <typename T, typename Source>
class source_allocator {
 public:
  using value_type = T;
  using is_always_equal = std::false_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  template <typename U>
  struct rebind {
    using other = source_allocator<U, Source>;
  };

  source_allocator(const Source& source) noexcept : source_(source) {}  // NOLINT: a source is an allocator's all
  template <typename U>
  source_allocator(const source_allocator<U, Source>& other) noexcept : source_(other.source()) {}  // NOLINT

  [[nodiscard]] T* allocate(std::size_t n) {
    std::size_t bytes;
    if (__builtin_mul_overflow(n, sizeof(T), &bytes)) throw std::bad_array_new_length();
    return static_cast<T*>(source_.get(bytes, alignof(T)));
  }
  void deallocate(T* memory, std::size_t n) noexcept { source_.put(memory, n * sizeof(T), alignof(T)); }
  const Source& source() const noexcept { return source_; }

  template <typename U>
  friend bool operator==(const source_allocator& a, const source_allocator<U, Source>& b) noexcept {
    return a.source() == b.source();
  }

 private:
  Source source_;
};

template <typename T>
using node_allocator = source_allocator<T, node_source>;
template <typename T>
using cache_allocator = source_allocator<T, cache_source>;
template <typename T>
using pool_allocator = source_allocator<T, pool_source>;

/// The same sources for std::pmr.  Thread-safe.
template <typename Source>
class source_resource final : public std::pmr::memory_resource {
 public:
  explicit source_resource(const Source& source) noexcept : source_(source) {}
  const Source& source() const noexcept { return source_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t align) override { return source_.get(bytes, align); }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t align) override { source_.put(memory, bytes, align); }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* same = dynamic_cast<const source_resource*>(&other);
    return same && same->source_ == source_;
  }

  Source source_;
};

using node_resource = source_resource<node_source>;
using cache_resource = source_resource<cache_source>;
using pool_resource = source_resource<pool_source>;

}  // namespace kmem

#endif
