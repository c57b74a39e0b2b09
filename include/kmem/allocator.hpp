#ifndef KMEM_ALLOCATOR_HPP
#define KMEM_ALLOCATOR_HPP
#include <linux/slab.h>

#include <new>
#include <type_traits>

namespace kmem {

/// kmalloc with an alignment: NULL if there is no memory, and for sizes or alignments above KMALLOC_MAX_SIZE. A power of two is
/// aligned to itself, so it suffices to round the size up to one.
inline void* kmalloc_aligned(std::size_t bytes, std::size_t align, gfp_t flags) noexcept {
  if (bytes == 0) bytes = 1;
  if (align > ARCH_KMALLOC_MINALIGN) {
    std::size_t rounded = align;
    while (rounded < bytes && rounded <= KMALLOC_MAX_SIZE) rounded *= 2;
    bytes = rounded;
  }
  return kmalloc(bytes, flags);
}

/// An allocator for the standard containers, on kmalloc.
///
/// One allocation is at most KMALLOC_MAX_SIZE (4 MiB), as with kmalloc; a larger one throws std::bad_alloc. All these
/// allocators are equal: each may free what another allocated, so containers move and swap freely. With GFP_KERNEL, the
/// default, it is for task context; with GFP_ATOMIC for any context in which the container may be used.
template <typename T>
class allocator {
 public:
  using value_type = T;
  using is_always_equal = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;

  constexpr allocator() noexcept = default;
  constexpr explicit allocator(gfp_t flags) noexcept : flags_(flags) {}
  template <typename U>
  constexpr allocator(const allocator<U>& other) noexcept : flags_(other.flags()) {}  // NOLINT: rebinding is implicit

  [[nodiscard]] T* allocate(std::size_t n) {
    std::size_t bytes;
    if (__builtin_mul_overflow(n, sizeof(T), &bytes)) throw std::bad_array_new_length();
    if (void* memory = kmalloc_aligned(bytes, alignof(T), flags_)) return static_cast<T*>(memory);
    throw std::bad_alloc();
  }
  void deallocate(T* memory, std::size_t) noexcept { kfree(memory); }

  constexpr gfp_t flags() const noexcept { return flags_; }

  template <typename U>
  friend constexpr bool operator==(const allocator&, const allocator<U>&) noexcept {
    return true;
  }

 private:
  gfp_t flags_ = GFP_KERNEL;
};

}  // namespace kmem

#endif
