#ifndef KMEM_MEMORY_RESOURCE_HPP
#define KMEM_MEMORY_RESOURCE_HPP
#include <kmem/allocator.hpp>

#include <memory_resource>

namespace kmem {

/// std::pmr on kmalloc, with the flags of the context in which it will be used.
///
/// Usable directly (kmalloc is a pool), or as upstream of a std::pmr::unsynchronized_pool_resource. Throws std::bad_alloc if
/// kmalloc returns NULL, so also for more than KMALLOC_MAX_SIZE.  Thread-safe.
class memory_resource final : public std::pmr::memory_resource {
 public:
  explicit memory_resource(gfp_t flags = GFP_KERNEL) noexcept : flags_(flags) {}
  gfp_t flags() const noexcept { return flags_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t align) override {
    if (void* memory = kmalloc_aligned(bytes, align, flags_)) return memory;
    throw std::bad_alloc();
  }
  void do_deallocate(void* memory, std::size_t, std::size_t) override { kfree(memory); }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return dynamic_cast<const memory_resource*>(&other) != nullptr;  // kfree() frees blocks of any of them
  }

  gfp_t flags_;
};

}  // namespace kmem

#endif
