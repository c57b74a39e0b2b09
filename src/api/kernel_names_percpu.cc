// Per-CPU variables: <linux/percpu.h>, <linux/smp.h>, <linux/cpumask.h>.

#define KMEM_PERCPU_NO_STATIC
#include <linux/percpu.h>

#include "api/percpu_world.h"
#include "api/system.h"
#include "api/trouble.h"
#include "base/bits.h"
#include "base/memory.h"
#include "port/port.h"
#include "watch/context.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

namespace kmem {
namespace {

constinit PercpuWorld the_world;

/// The sets of <linux/cpumask.h>, brought up to date when somebody looks.
struct cpumask sets[3];
Atomic<uint64_t> sets_looked_at;
constexpr uint64_t kLookAgainNs = 100000000;
constexpr unsigned kSetWords = sizeof(struct cpumask) / sizeof(uint64_t);
static_assert(sizeof(unsigned long) == sizeof(uint64_t) && NR_CPUS >= kMaxCopies);

/// What the host says, and every stand-in that has been used.
void look_at(kmem_cpu_set which, const Copies& copies) {
  uint64_t host[kSetWords];
  if (!kmem_port_cpus(which == KMEM_ONLINE_CPUS, host, kSetWords)) host[0] = 1;
  for (uint32_t copy = copies.nr_cpus(); copy < copies.nr_copies(); ++copy)
    if (copies.was_used(copy)) host[copy / 64] |= uint64_t{1} << copy % 64;
  for (unsigned i = 0; i < kSetWords; ++i) __atomic_store_n(&sets[which].bits[i], host[i], __ATOMIC_RELAXED);
}

CpuAccess access_of(void* variable, unsigned how, uint64_t value, uint64_t expected) {
  return {static_cast<char*>(variable), static_cast<CpuOp>(how >> 4), static_cast<uint8_t>(how & 15), value, expected};
}

/// The copy that this task works on here: its own in a section, and where it said that it must not be moved.
uint32_t copy_here() {
  uint32_t copy;
  Copies& copies = percpu().copies;
  if (copies.held(copy)) return copy;
  return is_pinned() ? copies.take() : CpuLocal::here();
}

void* at_copy(const volatile void* variable, uint32_t copy) {
  return const_cast<char*>(static_cast<const volatile char*>(variable)) + percpu_distance(copy);
}

const char* words_for(PercpuRefusal refusal) {
  switch (refusal) {
    case PercpuRefusal::TooLarge:
      return "an object's static per-CPU variables may have 64 KiB; take larger ones with alloc_percpu()";
    case PercpuRefusal::TooFar:
      return "more than 64 MiB of other data lie behind them; take that from the heap, or these with alloc_percpu()";
    case PercpuRefusal::TooManyObjects:
      return "1,024 objects with static per-CPU variables are loaded, and there can be no more; take these with alloc_percpu()";
    default:
      return "the room for the copies is too small for this machine; define KMEM_PERCPU_MAX_COPIES larger";
  }
}

}  // namespace

PercpuWorld& percpu() { return the_world; }

bool is_pinned() {
  const TaskState& task = *kmem_port_task();
  return task.preempt_count.peek() | task.irqs_off.peek();
}

void end_pinning() {
  if (kmem_port_task()->copy_held.peek() && !is_pinned()) percpu().copies.give();
}

void clear_percpu() { memset(static_cast<void*>(&the_world), 0, sizeof the_world); }

void start_percpu(const Machine& machine) {
#ifdef KMEM_SIM
  clear_percpu();  // one machine after another
#endif
  the_world.copies.init(machine.nr_cpus, machine.cpu_stack != CpuStackMode::TryLock);
  the_world.heap.init(the_world.copies.nr_copies());
  the_world.objects.init(the_world.copies.nr_copies());
  for (uint32_t copy = 0; copy < the_world.copies.nr_copies(); ++copy)
    sets[KMEM_POSSIBLE_CPUS].bits[copy / 64] |= uint64_t{1} << copy % 64;
}

}  // namespace kmem

static_assert(KMEM_PERCPU_DISTANCE == kmem::kPercpuDistance && KMEM_PERCPU_STRIDE == kmem::kPercpuStride);
static_assert(KMEM_PERCPU_CMPXCHG >> 4 == static_cast<unsigned>(kmem::CpuOp::Cmpxchg) &&
              KMEM_PERCPU_ADD_RETURN >> 4 == static_cast<unsigned>(kmem::CpuOp::AddReturn) &&
              KMEM_PERCPU_XCHG >> 4 == static_cast<unsigned>(kmem::CpuOp::Xchg));
static_assert(PCPU_MIN_UNIT_SIZE == kmem::PercpuHeap::kMaxBytes &&
              KMEM_PERCPU_MAX_ALIGN == kmem::PercpuHeap::kMaxAlign);

extern "C" {

// CPUs -------------------------------------------------------------------------------------------------------------

unsigned int kmem_nr_cpu_ids() noexcept { return kmem::boot() ? kmem::percpu().copies.nr_copies() : 1; }

const struct cpumask* kmem_cpu_mask(enum kmem_cpu_set which) noexcept {
  kmem::boot();
  if (which == KMEM_POSSIBLE_CPUS) return &kmem::sets[which];
  const uint64_t now = kmem_port_now_ns(), last = kmem::sets_looked_at.load();
  if (!last || now - last > kmem::kLookAgainNs || kmem::percpu().copies.has_new()) {
    kmem::look_at(KMEM_PRESENT_CPUS, kmem::percpu().copies);
    kmem::look_at(KMEM_ONLINE_CPUS, kmem::percpu().copies);
    kmem::sets_looked_at.store(now);
  }
  return &kmem::sets[which];
}

int kmem_processor_id() noexcept { return kmem::boot() ? static_cast<int>(kmem::copy_here()) : 0; }

int kmem_checked_processor_id() noexcept {
  if (kmem::checks_processor_ids()) kmem::check_preemptible("smp_processor_id()", __builtin_return_address(0));
  return kmem_processor_id();
}

int kmem_get_cpu() noexcept {
  if (!kmem::boot()) return 0;
  kmem::add_preempt_count(kmem::preempt::kPreempt);
  return static_cast<int>(kmem::percpu().copies.take());
}

void kmem_put_cpu() noexcept {
  if (!(kmem::preempt_count() & kmem::preempt::kPreemptMask))
    return kmem::bug_report(kmem::Trouble::Warning, "put_cpu() without get_cpu()");
  kmem::add_preempt_count(-kmem::preempt::kPreempt);
  kmem::end_pinning();
}

// Copies -----------------------------------------------------------------------------------------------------------

void* kmem_this_cpu_ptr(const volatile void* variable) noexcept {
  return kmem::at_copy(variable, static_cast<uint32_t>(kmem_processor_id()));
}

void* kmem_get_cpu_ptr(const volatile void* variable) noexcept {
  return kmem::at_copy(variable, static_cast<uint32_t>(kmem_get_cpu()));
}

uint64_t kmem_this_cpu_slow(void* variable, unsigned how, uint64_t value, uint64_t expected) noexcept {
  kmem::boot();
  return kmem::percpu().copies.step(kmem::access_of(variable, how, value, expected));
}

// Dynamic ----------------------------------------------------------------------------------------------------------

void* __alloc_percpu_gfp(size_t size, size_t align, gfp_t flags) noexcept {
  if (!kmem::boot()) return nullptr;
  if (!size || size > kmem::PercpuHeap::kMaxBytes || !kmem::is_power_of_two(align) ||
      align > kmem::PercpuHeap::kMaxAlign) {
    kmem::bug_report(
        kmem::Trouble::Warning,
        "alloc_percpu: illegal size %zu or alignment %zu: from 1 to 65536 bytes, at a power of two up to a page", size,
        align);
    return nullptr;
  }
  void* variable = kmem::should_fail(kmem::FaultPoint::Percpu, flags, size)
                       ? nullptr
                       : kmem::percpu().heap.alloc(size, align, flags);
  if (!variable) kmem::report_failure("percpu", size, flags);
  return variable;
}

void* __alloc_percpu(size_t size, size_t align) noexcept { return __alloc_percpu_gfp(size, align, GFP_KERNEL); }

void free_percpu(void* variable) noexcept {
  if (!variable) return;
  kmem::boot();
  kmem::PercpuWorld& world = kmem::percpu();
  auto* p = static_cast<char*>(variable);
  if (world.heap.free(p)) return;
  size_t offset;
  const char* what = world.heap.find(p)          ? "no per-CPU memory begins there, or it was freed before"
                     : world.objects.contains(p) ? "a static per-CPU variable"
                     : world.heap.find_copy(p, offset)
                         ? "one CPU's copy: free_percpu() wants what alloc_percpu() answered"
                     : world.objects.contains_copy(p) ? "one CPU's copy of a static per-CPU variable"
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
  const kmem::PercpuRefusal refusal = kmem::percpu().objects.add(
      {image->start, image->stop, image->room, image->room_end}, kmem::system().machine.host_page_bytes);
  if (refusal == kmem::PercpuRefusal::None) return;
  kmem::bug_report(kmem::Trouble::Bug,
                   "per-CPU variables of the object with %s (%zu bytes for each of %u copies) cannot be loaded: %s",
                   image->file, static_cast<size_t>(image->stop - image->start), kmem::percpu().copies.nr_copies(),
                   kmem::words_for(refusal));
  kmem_port_panic();
}

void kmem_percpu_unload(const char* start) noexcept { kmem::percpu().objects.remove(start); }

}  // extern "C"
