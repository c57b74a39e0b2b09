#include "system/assemble.h"

#include "base/bits.h"
#include "boot/shape_machine.h"
#include "page/fast_path.h"
#include "port/port.h"
#include "slab/hardened_path.h"
#include "system/callbacks.h"
#include "system/fast_paths.h"
#include "system/percpu_world.h"
#include "system/system.h"
#include "watch/context.h"
#include "watch/report.h"

namespace kmem {
namespace {

void read_boot_words(System& s) {
  parse_command_line(s.machine.command_line, s.options);
  if (!s.options.tells_set) s.options.tells = s.machine.checker == Checker::Valgrind;
  if (s.machine.checker == Checker::None) s.options.tells = false;
  if (!s.options.rseq) {
    CpuStack::use_shadows_only();
    s.machine.cpu_stack = CpuStackMode::PerThread;
  }
}

constexpr uint8_t kAlwaysOn = 1, kDebug = 3;  // levels of hardened=

/// Levels 1 and 2 seal the objects of their fast paths, so they need address space for states, and exclude words that check
/// every call.
void choose_level(System& s) {
  uint8_t& level = s.options.hardened;
  if (!level || level == kDebug) return;
  const char* why = !s.machine.states_by_64 ? "this port has no room for the states of objects" : nullptr;
  if (needs_every_call(s.options)) why = "init_on_alloc=, init_on_free= and sanitize= look at every call";
  if (!why) return;
  note("boot word 'hardened=%u': %s; it is 3 instead", unsigned{level}, why);
  level = kDebug;
}

bool seals(const BootOptions& options) { return options.hardened && options.hardened != kDebug; }

void apply_options(System& s) {
  shape_machine(s.machine, {.mem = s.options.mem, .highmem = s.options.highmem, .fake_nodes = s.options.numa_fake});
  if (s.options.nr_cpus && !kmem_port_keep_to_cpus(s.options.nr_cpus))
    note("boot word 'nr_cpus': the host does not let us choose CPUs");
  set_panic_on_warn(s.options.panic_on_warn);
  set_panic_on_bug(s.options.oops_panics);
  set_go_on(s.options.oops_set && !s.options.oops_panics);
  check_every_sleep(s.options.might_sleep);
  check_processor_ids(s.options.debug_preempt);
  set_report_facts(s.machine.cpu_stack == CpuStackMode::Rseq
                       ? "CPU stacks: restartable sequences; what this means: `kmem explain`, kmem-messages(7)"
                       : "CPU stacks: per-thread; what this means: `kmem explain`, kmem-messages(7)");
}

/// hardened=1 and 2: docs/hardening.md has the list.
void set_up_seals(System& s) {
  constexpr size_t kCanary = sizeof(uint64_t);
  const bool always_on = s.options.hardened == kAlwaysOn;
  s.options.slab_nomerge = true;
  s.world.red_key = kmem_port_entropy();
  kmem_seal_key = kmem_port_entropy() * 0xbf58476d1ce4e5b9u;
  s.dice.seed(kmem_port_entropy());
  s.world.dice = &s.dice;
  s.world.seals.init(s.machine.states_by_64, s.machine.states_by_16, s.machine.direct_map);
  for (Seal& seal : kmem_seals) seal = Seal::none();
  s.world.zeroes = !always_on;
  if (!always_on && !kmem_serves_malloc) s.world.kmalloc_copies = kmem_port_entropy() | 1;
  s.world.guards_slabs = !always_on && s.machine.host_page_bytes == kPageSize;
  kmem_hardened.extra = always_on ? 0 : kCanary;
  kmem_hardened.comes_zero = !always_on;
  s.heap.leave_room_for_canary(kmem_hardened.extra);
  if (!s.options.oops_set) set_panic_on_bug(true);
}

/// Puts closed pages around larger blocks: around all, or around those that need a system call anyway and are unlikely to grow.
void guard_large_blocks(System& s) {
  if (s.options.hardened > kAlwaysOn) s.heap.guard_large(0, ~size_t{0});
  else if (s.options.hardened == kAlwaysOn) s.heap.guard_large(kMappedFrom, 4 * kMappedFrom);
}

/// Applies the boot words for caches; returns the end of the metadata that this uses.
char* set_up_debugging(System& s, char* metadata) {
  BootOptions& options = s.options;
  constexpr uint64_t kHardenedQuarantine = 4 << 20;
  constexpr uint32_t kBlocksOnProbation = 8;  // of each size
  if (seals(options)) set_up_seals(s);
  if (options.hardened == kDebug) {
    options.slab_nomerge = true;
    options.slub_debug.add_for_all(debug::kChecks | debug::kRedZone | debug::kPoison);
    if (!options.quarantine) options.quarantine = kHardenedQuarantine;
    s.world.random_order = true;
    s.world.red_key = kmem_port_entropy();
  }
  if (options.kmemleak) options.slub_debug.add_for_all(debug::kOwner);
  // With one of these words every block is checked already, or the user is interested in something else than probation finds.
  const bool all_checked =
      options.hardened > kAlwaysOn || options.init_on_alloc || options.init_on_free || options.kfence_asked_for;
  // If a block on probation fails, an ordinary one is used, so an injected failure would go unnoticed, or come at a different n
  // each time.
  const bool plain = all_checked || options.slub_debug.any() || !kmem_serves_malloc || options.faults.nth.on;
  if (!options.probation_set) options.probation = plain ? 0 : kBlocksOnProbation;
  constexpr uint64_t kSmallQuarantine = 64 << 10;  // for the blocks on probation
  // The quarantine finds writes to freed objects by their poison.
  if (options.quarantine) options.slub_debug.add_for_all(debug::kPoison);
  if (!options.quarantine && options.probation) options.quarantine = kSmallQuarantine;
  s.quarantine.init(metadata, options.quarantine);
  s.world.debug = &options.slub_debug;
  s.world.quarantine = &s.quarantine;
  return metadata + round_up(Quarantine::metadata_bytes(), kPageSize);
}

/// Sets up memblock, pages and sheaves; returns the start of the metadata for the layers above, null if there is no memory.
char* set_up_pages(System& s) {
  const uint64_t words_end = round_up(uint64_t{s.machine.nr_areas} * kCpuStride, kSheafBytes);
  s.boot_memory.begin(s.machine, s.options);
  if (!s.sheaves.init(s.machine.base, words_end, s.machine.nr_sheaves, s.machine.table_step)) return nullptr;
  char* metadata = s.pages.init(s.machine, s.sheaves, s.options.min_free_kbytes);
  if (!metadata || !s.boot_memory.hand_over(s.pages)) return nullptr;
  metadata = reinterpret_cast<char*>(round_up(reinterpret_cast<uint64_t>(metadata), kPageSize));
  const char* const end = s.machine.metadata + s.machine.metadata_bytes;
  return metadata + Quarantine::metadata_bytes() + Heap::metadata_bytes(s.machine.nr_nodes, s.machine.nr_cpus) > end ? nullptr
                                                                                                                     : metadata;
}

void set_up_slabs(System& s, char* metadata) {
  s.world = {.pages = &s.pages,
             .sheaves = &s.sheaves,
             .frame_class = reinterpret_cast<uint8_t*>(s.machine.base + kFrameTable),
             .divisors = reinterpret_cast<Divisor*>(s.machine.base + kDivisors),
             .class_sizes = reinterpret_cast<uint32_t*>(s.machine.base + kClassSizes),
             .direct = needs_every_call(s.options),
             .init_on_alloc = s.options.init_on_alloc,
             .init_on_free = s.options.init_on_free,
             .tells = s.options.tells,
             .rcu = &s.rcu,
             .guarded = &s.guarded,
             .report_double_free = report_double_free,
             .counts = s.options.stats ? &s.counts : nullptr};
  metadata = set_up_debugging(s, metadata);
  s.heap.init(s.world, s.machine.base, metadata);
  kmem_hardened.caches = s.world.caches;
  guard_large_blocks(s);
  s.heap.mapped().set_key(s.world.red_key);
  if (s.options.probation) s.heap.start_probation(s.options.probation);
  s.rcu.set_free(free_behind_readers);
  s.pool_world = pool_world(s.options, s.machine.nr_cpus);
}

/// Samples need a handler for SIGSEGV, and system calls that the program's sandbox may forbid.
void set_up_samples(System& s) {
  const bool samples = s.options.kfence_asked_for || (!kmem_serves_malloc && !s.options.faults.nth.on);
  if (!s.machine.catches_accesses || s.options.tells || !samples) return;
  s.guarded.init({.pages = &s.pages,
                  .host_page_bytes = s.machine.host_page_bytes,
                  .interval_ms = s.options.kfence_interval,
                  .nr_objects = s.options.kfence_objects,
                  .caught = caught_access,
                  .asked_for = s.options.kfence_asked_for});
}

void set_up_window(System& s) {
  s.vmap.init({.pages = &s.pages,
               .can_alias = s.machine.can_alias,
               .huge = s.options.thp,
               .zero = s.options.init_on_alloc,
               .window_bytes = s.options.vmalloc,
               .physical_bytes = s.machine.physical_bytes,
               .host_page_bytes = s.machine.host_page_bytes,
               .nr_cpus = s.machine.nr_cpus});
  s.io.init(&s.pages, &s.vmap);
  if (s.options.sysfs[0]) s.io.set_sysfs(s.options.sysfs);
  s.kmap.init(&s.pages, &s.vmap);
}

/// Sets the page layer's callbacks to the layers above, and applies the boot words for it.
void set_page_policies(System& s) {
  s.pages.set_reclaim(reclaim_hook(s));
  s.pages.charged().set_limited(s.machine.limited || s.options.mem);
  s.pages.bound().set_on(s.machine.limited && s.options.cgroup_poll);
  s.sheaves.set_interrupts(s.options.membarrier);
  for (Zone& zone : s.pages.all()) {
    zone.set_huge(!s.options.thp ? HugePages::Never : s.options.thp_everywhere ? HugePages::Everywhere : HugePages::WhereDense);
    zone.set_bound(s.machine.binds_nodes);
  }
  s.pages.set_clearing({.on_alloc = s.options.init_on_alloc, .on_free = s.options.init_on_free || s.world.seals.on()});
}

}  // namespace

bool assemble(System& s) {
  read_boot_words(s);
  kmem_base = s.machine.base;
  choose_level(s);
  if (!seals(s.options)) s.machine.states_by_64 = s.machine.states_by_16 = nullptr;
  apply_options(s);
  char* const metadata = set_up_pages(s);
  if (!metadata) return false;
  set_up_slabs(s, metadata);
  start_percpu(s.machine);
  percpu().heap.set_init_on_free(s.options.init_on_free);
  set_up_samples(s);
  set_up_window(s);
  set_page_policies(s);
  return true;
}

}  // namespace kmem
