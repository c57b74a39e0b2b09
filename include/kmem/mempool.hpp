#ifndef KMEM_MEMPOOL_HPP
#define KMEM_MEMPOOL_HPP
#include <linux/mempool.h>
#include <kmem/cache.hpp>

#include <chrono>

namespace kmem {

/// Objects of one type, of which some are kept in reserve: make() does not fail as long as holders free their objects.
///
/// The handles construct and destroy, as those of kmem::cache.  make() may wait for an object, first come, first
/// served; so a task that holds one must not wait for another one of the same pool.  try_make() with GFP_ATOMIC may be used
/// in any context in which T's constructor may run.  The pool must outlive its objects.
template <typename T>
class mempool {
 public:
  /// Destroys and frees an object; the handles' deleter.
  class deleter {
   public:
    deleter() noexcept = default;
    explicit deleter(mempool_t* from) noexcept : from_(from) {}
    void operator()(T* object) const noexcept {
      object->~T();
      mempool_free(object, from_);
    }

   private:
    mempool_t* from_ = nullptr;
  };
  using handle = std::unique_ptr<T, deleter>;

  /// Keeps min_nr objects in reserve, at least one.  Throws std::bad_alloc if they cannot be allocated.
  mempool(const char* name, int min_nr, slab_flags_t flags = 0)
      : cache_((kmem_cache_create)(name, sizeof(T), alignof(T), flags | flags_of_type<T>, nullptr)),
        pool_(cache_ ? mempool_create_slab_pool(min_nr, cache_) : nullptr) {
    if (pool_) return;
    kmem_cache_destroy(cache_);
    throw std::bad_alloc();
  }
  mempool(const mempool&) = delete;
  mempool& operator=(const mempool&) = delete;
  ~mempool() {
    mempool_destroy(pool_);
    kmem_cache_destroy(cache_);
  }

  /// Constructs T(arguments...) in an object; waits for the object if necessary; throws only what T's constructor throws.
  template <typename... Arguments>
  [[nodiscard]] handle make(Arguments&&... arguments) {
    return in(mempool_alloc(pool_, GFP_KERNEL), std::forward<Arguments>(arguments)...);
  }
  /// The same with the caller's flags; an empty handle if they do not allow sleeping and there is no object.
  template <typename... Arguments>
  [[nodiscard]] handle try_make(gfp_t flags, Arguments&&... arguments) {
    return in(mempool_alloc(pool_, flags), std::forward<Arguments>(arguments)...);
  }
  /// Waits no longer than the given time; then returns an empty handle.
  template <typename Rep, typename Period, typename... Arguments>
  [[nodiscard]] handle make_for(std::chrono::duration<Rep, Period> timeout, Arguments&&... arguments) {
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(timeout).count();
    return in(mempool_alloc_timeout(pool_, GFP_KERNEL, ns > 0 ? static_cast<uint64_t>(ns) : 0),
              std::forward<Arguments>(arguments)...);
  }

  /// Changes the size of the reserve; false if there is no memory for it.
  bool resize(int min_nr) noexcept { return (mempool_resize)(pool_, min_nr) == 0; }
  int min_nr() const noexcept { return pool_->min_nr; }
  bool is_saturated() const noexcept { return mempool_is_saturated(pool_); }
  mempool_t* native() const noexcept { return pool_; }

 private:
  template <typename... Arguments>
  handle in(void* memory, Arguments&&... arguments) {
    if (!memory) return handle(nullptr, deleter(pool_));
    struct undo {  // frees the memory if the constructor throws
      ~undo() {
        if (memory) mempool_free(memory, pool);
      }
      void* memory;
      mempool_t* pool;
    } back{memory, pool_};
    T* object = ::new (memory) T(std::forward<Arguments>(arguments)...);
    back.memory = nullptr;
    return handle(object, deleter(pool_));
  }

  struct kmem_cache* cache_;
  mempool_t* pool_;
};

}  // namespace kmem

#endif
