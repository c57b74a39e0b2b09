#ifndef KMEM_CACHE_HPP
#define KMEM_CACHE_HPP
#include <linux/slab.h>

#include <memory>
#include <new>
#include <utility>

namespace kmem {

/// Flags of every cache and pool of one type, besides those that its creator gives. For a type whose objects an attacker wants:
///   template <> inline constexpr slab_flags_t kmem::flags_of_type<session_key> = SLAB_HARDENED;
template <typename T>
inline constexpr slab_flags_t flags_of_type = 0;

/// Objects of one type, from slabs of their own.
///
/// make() constructs an object in memory from the cache and returns a unique_ptr that destroys it and frees the memory. The
/// cache must outlive its objects; a cache that is destroyed before them is leaked, with a report. make() and the handles are
/// thread-safe; with flags that don't sleep they may be used in any context in which T's constructor and destructor may run.
template <typename T>
class cache {
 public:
  /// Destroys and frees an object; the handles' deleter.
  class deleter {
   public:
    deleter() noexcept = default;
    explicit deleter(struct kmem_cache* from) noexcept : from_(from) {}
    void operator()(T* object) const noexcept {
      object->~T();
      kmem_cache_free(from_, object);
    }

   private:
    struct kmem_cache* from_ = nullptr;
  };
  using handle = std::unique_ptr<T, deleter>;

  /// \param flags SLAB_*.  Throws std::bad_alloc if there is no memory, or the cache is impossible.
  explicit cache(const char* name, slab_flags_t flags = 0)
      : cache_((kmem_cache_create)(name, sizeof(T), alignof(T), flags | flags_of_type<T>, nullptr)) {
    if (!cache_) throw std::bad_alloc();
  }
  cache(cache&& other) noexcept : cache_(std::exchange(other.cache_, nullptr)) {}
  cache& operator=(cache&& other) noexcept {
    std::swap(cache_, other.cache_);
    return *this;
  }
  ~cache() {
    if (cache_) kmem_cache_destroy(cache_);
  }

  /// T(arguments...) in a new object; throws std::bad_alloc if there is no memory, or what T's constructor throws.
  template <typename... Arguments>
  [[nodiscard]] handle make(Arguments&&... arguments) {
    return make_with(GFP_KERNEL, std::forward<Arguments>(arguments)...);
  }
  /// The same with other flags, such as GFP_ATOMIC.
  template <typename... Arguments>
  [[nodiscard]] handle make_with(gfp_t flags, Arguments&&... arguments) {
    handle object = try_make(flags, std::forward<Arguments>(arguments)...);
    if (!object) throw std::bad_alloc();
    return object;
  }
  /// The same, but returns an empty handle if there is no memory: for code that must not throw.
  template <typename... Arguments>
  [[nodiscard]] handle try_make(gfp_t flags, Arguments&&... arguments) {
    void* memory = kmem_cache_alloc(cache_, flags);
    if (!memory) return handle(nullptr, deleter(cache_));
    raw_guard guard{cache_, memory};
    T* object = ::new (memory) T(std::forward<Arguments>(arguments)...);
    guard.keep();
    return handle(object, deleter(cache_));
  }

  /// Fills handles[0 .. n) with new objects T(arguments...), all or none; the memory is allocated in one call, which is
  /// cheaper. Throws std::bad_alloc, or what T's constructor throws; then all handles are empty.
  template <typename... Arguments>
  void make_bulk(gfp_t flags, handle* handles, std::size_t n, const Arguments&... arguments) {
    constexpr std::size_t kAtOnce = 32;
    for (std::size_t at = 0; at < n; at += kAtOnce) {
      void* memory[kAtOnce];
      const std::size_t some = n - at < kAtOnce ? n - at : kAtOnce;
      try {
        if (!kmem_cache_alloc_bulk(cache_, flags, some, memory)) throw std::bad_alloc();
        bulk_guard guard{cache_, memory, some};
        for (; guard.done < some; ++guard.done)
          handles[at + guard.done] = handle(::new (memory[guard.done]) T(arguments...), deleter(cache_));
      } catch (...) {
        for (std::size_t i = 0; i < at + some; ++i) handles[i].reset();
        throw;
      }
    }
  }
  /// Destroys the objects of handles[0 .. n) and frees their memory in one call.
  void end_bulk(handle* handles, std::size_t n) noexcept {
    constexpr std::size_t kAtOnce = 32;
    void* memory[kAtOnce];
    std::size_t held = 0;
    for (std::size_t i = 0; i < n; ++i) {
      T* object = handles[i].release();
      if (!object) continue;
      object->~T();
      memory[held++] = object;
      if (held < kAtOnce) continue;
      kmem_cache_free_bulk(cache_, held, memory);
      held = 0;
    }
    kmem_cache_free_bulk(cache_, held, memory);
  }

  /// Releases empty slabs.
  void shrink() noexcept { kmem_cache_shrink(cache_); }
  /// For the kernel's functions; this object keeps ownership.
  struct kmem_cache* native() const noexcept {
    return cache_;
  }

 private:
  /// Frees the memory if the constructor throws.
  class raw_guard {
   public:
    raw_guard(struct kmem_cache* from, void* memory) noexcept : from_(from), memory_(memory) {}
    raw_guard(const raw_guard&) = delete;
    raw_guard& operator=(const raw_guard&) = delete;
    ~raw_guard() {
      if (memory_) kmem_cache_free(from_, memory_);
    }
    void keep() noexcept { memory_ = nullptr; }

   private:
    struct kmem_cache* from_;
    void* memory_;
  };

  /// Frees the memory of objects that were not constructed.
  struct bulk_guard {
    ~bulk_guard() { kmem_cache_free_bulk(from, n - done, memory + done); }
    struct kmem_cache* from;
    void** memory;
    std::size_t n;
    std::size_t done = 0;
  };

  struct kmem_cache* cache_;
};

/// Objects that stay constructed while they are free: T() runs once for each object when its slab is made, and ~T() when the
/// slab is released. For types whose construction costs more than their use: locks, lists, buffers.
///
/// take() returns an object as its last user left it; a user must restore its initial state before freeing it.  T() must not
/// throw, sleep, or allocate from this cache.
template <typename T>
class constructed_cache {
 public:
  class deleter {
   public:
    deleter() noexcept = default;
    explicit deleter(struct kmem_cache* from) noexcept : from_(from) {}
    void operator()(T* object) const noexcept { kmem_cache_free(from_, object); }

   private:
    struct kmem_cache* from_ = nullptr;
  };
  using handle = std::unique_ptr<T, deleter>;

  static_assert(noexcept(T()), "a slab of objects is made where nothing can be undone");

  explicit constructed_cache(const char* name, slab_flags_t flags = 0)
      : cache_(kmem_cache_create(name, sizeof(T), alignof(T), static_cast<unsigned long>(flags | flags_of_type<T>), &construct,
                                 &destroy)) {
    if (!cache_) throw std::bad_alloc();
  }
  constructed_cache(const constructed_cache&) = delete;
  constructed_cache& operator=(const constructed_cache&) = delete;
  ~constructed_cache() { kmem_cache_destroy(cache_); }

  /// An object, or an empty handle if there is no memory.
  [[nodiscard]] handle take(gfp_t flags = GFP_KERNEL) noexcept {
    return handle(static_cast<T*>(kmem_cache_alloc(cache_, flags)), deleter(cache_));
  }
  void shrink() noexcept { kmem_cache_shrink(cache_); }
  struct kmem_cache* native() const noexcept {
    return cache_;
  }

 private:
  static void construct(void* memory, kmem_cache_t*, unsigned long) { ::new (memory) T(); }
  static void destroy(void* object, kmem_cache_t*, unsigned long) { static_cast<T*>(object)->~T(); }

  struct kmem_cache* cache_;
};

}  // namespace kmem

#endif
