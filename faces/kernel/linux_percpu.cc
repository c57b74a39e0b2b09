// Dynamic per-CPU variables, and those of loaded objects.

#define KMEM_PERCPU_NO_STATIC
#include <linux/percpu.h>

#include "base/bits.h"
#include "port/port.h"
#include "sleeping.h"
#include "system/percpu_world.h"
#include "system/system.h"
#include "system/trouble.h"
#include "watch/context.h"
#include "watch/fault_injection.h"
#include "watch/profile.h"
#include "watch/report.h"

namespace {

using kmem::PercpuRefusal;

const char* words_for(PercpuRefusal refusal) {
  switch (refusal) {
    case PercpuRefusal::TooLarge:
      return "an object's static per-CPU variables may have 64 KiB; take larger ones with alloc_percpu()";
    case PercpuRefusal::TooFar:
      return "more than 64 MiB of other data lie behind them; take that from the heap, or these with alloc_percpu()";
    case PercpuRefusal::TooManyObjects:
      return "1,024 objects with static per-CPU variables are loaded, and there can be no more; take these with alloc_percpu()";
    default: return "the room for the copies is too small for this machine; define KMEM_PERCPU_MAX_COPIES larger";
  }
}

}  // namespace

static_assert(KMEM_PERCPU_DISTANCE == kmem::kPercpuDistance && KMEM_PERCPU_STRIDE == kmem::kPercpuStride);
static_assert(PCPU_MIN_UNIT_SIZE == kmem::PercpuHeap::kMaxBytes && KMEM_PERCPU_MAX_ALIGN == kmem::PercpuHeap::kMaxAlign);

extern "C" {

// Dynamic ----------------------------------------------------------------------------------------------------------

static void* alloc_percpu_from(size_t size, size_t align, gfp_t flags, const void* site) {
  if (!kmem::boot()) return nullptr;
  flags = kmem::effective_gfp(flags, site, "alloc_percpu");
  if (!size || size > kmem::PercpuHeap::kMaxBytes || !kmem::is_power_of_two(align) || align > kmem::PercpuHeap::kMaxAlign) {
    kmem::bug_report(kmem::Trouble::Warning,
                     "alloc_percpu: illegal size %zu or alignment %zu: from 1 to 65536 bytes, at a power of two up to a page",
                     size, align);
    return nullptr;
  }
  void* variable =
      kmem::should_fail(kmem::FaultPoint::Percpu, flags, size) ? nullptr : kmem::percpu().heap.alloc(size, align, flags);
  kmem::follow_profile();
  kmem_profile.allocated(variable, size * nr_cpu_ids);
  if (!variable) kmem::report_failure("percpu", size, flags);
  return variable;
}

void* __alloc_percpu_gfp(size_t size, size_t align, gfp_t flags) noexcept {
  return alloc_percpu_from(size, align, flags, __builtin_return_address(0));
}
void* __alloc_percpu(size_t size, size_t align) noexcept {
  return alloc_percpu_from(size, align, GFP_KERNEL, __builtin_return_address(0));
}

void free_percpu(void* variable) noexcept {
  if (!variable) return;
  kmem::boot();
  kmem::PercpuWorld& world = kmem::percpu();
  auto* p = static_cast<char*>(variable);
  if (world.heap.find(p)) kmem_profile.frees(p);
  if (world.heap.free(p)) return;
  size_t offset;
  const char* what = world.heap.find(p)                ? "no per-CPU memory begins there, or it was freed before"
                     : world.objects.contains(p)       ? "a static per-CPU variable"
                     : world.heap.find_copy(p, offset) ? "one CPU's copy: free_percpu() wants what alloc_percpu() answered"
                     : world.objects.contains_copy(p)  ? "one CPU's copy of a static per-CPU variable"
                                                       : "alloc_percpu() never answered that";
  kmem::bug_report(kmem::Trouble::Bug, "free_percpu of %p: %s; nothing was freed", variable, what);
}

size_t pcpu_alloc_size(void* variable) noexcept {
  const kmem::PercpuChunk* chunk = kmem::percpu().heap.find(static_cast<char*>(variable));
  return chunk ? chunk->size_of(static_cast<char*>(variable)) : 0;
}

bool is_kernel_percpu_address(unsigned long address) noexcept {
  return kmem::percpu().objects.contains_copy(reinterpret_cast<const char*>(address));
}
bool is_module_percpu_address(unsigned long address) noexcept { return is_kernel_percpu_address(address); }

// Objects that are loaded ------------------------------------------------------------------------------------------

void kmem_percpu_load(const struct kmem_percpu_image* image) noexcept {
  if (image->start == image->stop || !kmem::boot()) return;
  const kmem::PercpuRefusal refusal = kmem::percpu().objects.add({image->start, image->stop, image->room, image->room_end},
                                                                 kmem::system().machine.host_page_bytes);
  if (refusal == kmem::PercpuRefusal::None) return;
  kmem::bug_report(
      kmem::Trouble::Bug, "per-CPU variables of the object with %s (%zu bytes for each of %u copies) cannot be loaded: %s",
      image->file, static_cast<size_t>(image->stop - image->start), kmem::percpu().copies.nr_copies(), words_for(refusal));
  kmem_port_panic();
}

void kmem_percpu_unload(const char* start) noexcept { kmem::percpu().objects.remove(start); }

}  // extern "C"
