#include "api/system.h"

#include "api/boot_claim.h"
#include "api/boot_memory.h"

#include <kmem/kvmalloc.h>

#include "api/percpu_world.h"

#include "api/trouble.h"
#include "base/memory.h"
#include "port/port.h"
#include "port/task.h"
#include "page/fast_path.h"
#include "slab/fast_path.h"
#include "sync/cpu_words.h"
#include "watch/context.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

// Not const: a compiler would take the value that it sees here for the only one.
[[gnu::weak]] bool kmem_serves_malloc = false;
char* kmem_base = nullptr;
char* kmem_direct_map = nullptr;
uint64_t kmem_frames_end = 0;
size_t kmem_malloc_limit = 0;
size_t kmem_kmalloc_limit = 0;
uint64_t kmem_listed_head = 0;
char* kmem_descriptors = nullptr;

namespace kmem {

namespace {

BootClaim boot_claim;
/// All is built, and only has to be opened.
Atomic<bool> is_built;

// Made by the compiler: no constructor of ours may run after the first allocation, and no destructor before the last.
constinit System the_system;
#ifdef KMEM_SIM
constinit const System untouched_system{};
#endif

bool needs_every_call(const BootOptions& options) {
  return options.init_on_alloc || options.init_on_free || options.tells;
}

void report_double_free(const Cache& cache, const void* object) {
  static RateLimit limit;
  bug_report_limited(limit, Trouble::Bug, "double free of %p, an object of cache %s (%u bytes)", object, cache.name(),
                     cache.object_size());
}

/// A touch of vmalloc's window that nobody may make ends the program as it would have without us, but with a name.
bool caught_access(const BadAccess& access) {
  if (system().guarded.caught(access)) return true;
  if (TextOf<192> name; system().vmap.describe(access.address, name))
    bug_report(Trouble::Bug, "%s of %p, in %s", access.write ? "write" : "read", access.address, name.data());
  return false;
}

// A task may wait for the window's lock where it says that it may sleep; reclaim itself says nothing of who asks.
uint64_t shrink(void* heap, bool everywhere) {
  return system().vmap.purge_all(!declared_atomic()) + static_cast<Heap*>(heap)->reclaim(everywhere);
}

void free_behind_readers(void* block) { kvfree(block); }

void* alloc_places(size_t bytes, Gfp gfp, int nid) {
  return system().heap.kmalloc(bytes, (gfp & ~gfp::kZoneMask) | gfp::kZero, nid);
}
void free_places(void* places) {
  if (!system().heap.free(places)) report_bad_free(places);
}

void ebb(void* heap) { static_cast<Heap*>(heap)->ebb(); }

/// panic_on_oom: the report, and then nothing more.
void out_of_memory(void*, Gfp gfp, Order order) {
  if (!system().options.panic_on_oom) return;
  report_failure("out of memory", order.bytes(), gfp & ~gfp::kNoWarn);
  note("Kernel panic - not syncing: out of memory: panic_on_oom is set");
  kmem_port_panic();
}

/// mem=: memory is taken off the end, where the most is.
void cap_memory(Machine& machine, uint64_t bytes) {
  constexpr uint64_t kUnit = kPageSize << kMaxOrder;
  uint64_t total = 0;
  for (unsigned i = 0; i < machine.nr_ram; ++i) total += machine.ram[i].bytes;
  while (machine.nr_ram && total > bytes) {
    RamRange& last = machine.ram[machine.nr_ram - 1];
    const uint64_t excess = round_up(total - bytes, kUnit);
    const uint64_t off = excess < last.bytes ? excess : last.bytes;
    last.bytes -= off;
    total -= off;
    if (!last.bytes) --machine.nr_ram;
  }
}

/// numa=fake=N: the last range, the largest, is dealt out to N nodes, and the CPUs in turn.
void fake_nodes(Machine& machine, uint32_t nr) {
  constexpr uint64_t kUnit = kPageSize << kMaxOrder;
  RamRange whole = machine.ram[machine.nr_ram - 1];
  const uint64_t share = round_down(whole.bytes / nr, kUnit);
  if (!share || machine.nr_ram - 1 + nr > kMaxRamRanges || nr > kMaxNodes) return;
  for (uint32_t node = 0; node < nr; ++node) {
    const uint64_t bytes = node + 1 < nr ? share : whole.bytes - share * node;
    machine.ram[machine.nr_ram - 1 + node] = {{whole.start.value + share * node}, bytes, {static_cast<uint8_t>(node)}};
    for (uint32_t other = 0; other < nr; ++other) machine.distance[node][other] = node == other ? 10 : 20;
  }
  machine.nr_ram += nr - 1;
  machine.nr_nodes = nr;
  for (uint32_t cpu = 0; cpu < machine.nr_cpus; ++cpu) machine.cpu_node[cpu] = static_cast<uint8_t>(cpu % nr);
}

/// highmem=: the end of the last range loses its permanent addresses; a part of it keeps them.
void make_high(Machine& machine, uint64_t bytes) {
  constexpr uint64_t kUnit = kPageSize << kMaxOrder;
  if (!machine.nr_ram || machine.nr_ram == kMaxRamRanges) return;
  RamRange& last = machine.ram[machine.nr_ram - 1];
  bytes = round_up(bytes, kUnit);
  if (bytes + kUnit > last.bytes) bytes = last.bytes > kUnit ? round_down(last.bytes - kUnit, kUnit) : 0;
  if (!bytes) return;
  last.bytes -= bytes;
  machine.ram[machine.nr_ram++] = {{last.start.value + last.bytes}, bytes, last.node, true};
}

/// numa=: the host's nodes are one, before it is dealt out anew.
void forget_nodes(Machine& machine) {
  for (unsigned i = 0; i < machine.nr_ram; ++i) machine.ram[i].node = {};
  // Ranges that were two nodes' and lie side by side become one.
  for (unsigned i = 1; i < machine.nr_ram;) {
    RamRange& before = machine.ram[i - 1];
    if (before.start.value + before.bytes != machine.ram[i].start.value || before.start.value < (uint64_t{4} << 30)) {
      ++i;
      continue;
    }
    before.bytes += machine.ram[i].bytes;
    for (unsigned j = i + 1; j < machine.nr_ram; ++j) machine.ram[j - 1] = machine.ram[j];
    --machine.nr_ram;
  }
  memset(machine.cpu_node, 0, sizeof machine.cpu_node);
  machine.nr_nodes = 1;
  machine.binds_nodes = false;
}

void apply_options(System& s) {
  if (s.options.numa_fake && s.machine.nr_nodes > 1) forget_nodes(s.machine);
  if (s.machine.limited) cap_memory(s.machine, s.machine.physical_bytes);
  if (s.options.mem) cap_memory(s.machine, s.options.mem);
  if (s.options.numa_fake > 1 && s.machine.nr_ram) fake_nodes(s.machine, s.options.numa_fake);
  if (s.options.highmem) make_high(s.machine, s.options.highmem);
  if (s.options.nr_cpus && !kmem_port_keep_to_cpus(s.options.nr_cpus)) note("boot word 'nr_cpus': the host does not let us choose CPUs");
  set_panic_on_warn(s.options.panic_on_warn);
  check_every_sleep(s.options.might_sleep);
  check_processor_ids(s.options.debug_preempt);
  set_report_facts(s.machine.cpu_stack == CpuStackMode::Rseq ? "CPU stacks: restartable sequences" : "CPU stacks: try-lock");
}

void divert_for_faults(bool on) { divert(kForFaults, on); }

/// Nothing fails before kmem is up.
void start_faults(const FaultOptions& faults) {
  set_fault_switch(divert_for_faults);
  for (unsigned i = 0; i < kNrFaultPoints; ++i)
    if (faults.points[i].on) set_fault(static_cast<FaultPoint>(i), faults.points[i]);
  if (faults.nth.on) start_fail_nth(faults.nth);
}

/// What the words ask for of the caches; the end of the metadata that it needs.
char* set_up_debugging(System& s, char* metadata) {
  BootOptions& options = s.options;
  constexpr uint64_t kHardenedQuarantine = 4 << 20;
  constexpr uint32_t kBlocksOnProbation = 8;  // of each size
  if (options.hardened) {
    options.slab_nomerge = true;
    options.slub_debug.add_for_all(debug::kChecks | debug::kRedZone | debug::kPoison);
    if (!options.quarantine) options.quarantine = kHardenedQuarantine;
    s.world.random_order = true;
    s.world.red_key = kmem_port_entropy();
  }
  if (options.kmemleak) options.slub_debug.add_for_all(debug::kOwner);
  // Who asks for something wants to see that, and not what is there without a word.
  const bool all_checked = options.hardened || options.init_on_alloc || options.init_on_free || options.kfence_asked_for;
  // A failure that an ordinary block makes good would not be seen, nor come at the same n each time.
  const bool plain = all_checked || options.slub_debug.any() || !kmem_serves_malloc || options.faults.nth.on;
  if (!options.probation_set) options.probation = plain ? 0 : kBlocksOnProbation;
  constexpr uint64_t kSmallQuarantine = 64 << 10;  // for the blocks on probation
  // Nothing in an object that is held back would be looked at without poison.
  if (options.quarantine) options.slub_debug.add_for_all(debug::kPoison);
  if (!options.quarantine && options.probation) options.quarantine = kSmallQuarantine;
  s.quarantine.init(metadata, options.quarantine);
  s.world.debug = &options.slub_debug;
  s.world.quarantine = &s.quarantine;
  return metadata + round_up(Quarantine::metadata_bytes(), kPageSize);
}

bool build(System& s) {
  parse_command_line(s.machine.command_line, s.options);
  if (!s.options.tells_set) s.options.tells = s.machine.checker == Checker::Valgrind;
  if (s.machine.checker == Checker::None) s.options.tells = false;
  kmem_base = s.machine.base;
  if (!s.options.rseq) {
    CpuStack::use_shadows_only();
    s.machine.cpu_stack = CpuStackMode::TryLock;
  }
  apply_options(s);
  const uint64_t words_end = round_up(2 * uint64_t{s.machine.nr_cpus} * kCpuStride, kSheafBytes);
  boot_memory().begin(s.machine, s.options);
  s.sheaves.init(s.machine.base, words_end, s.machine.nr_sheaves);
  char* metadata = s.pages.init(s.machine, s.sheaves, s.options.min_free_kbytes);
  if (!metadata || !boot_memory().hand_over(s.pages)) return false;
  metadata = reinterpret_cast<char*>(round_up(reinterpret_cast<uint64_t>(metadata), kPageSize));
  if (metadata + Quarantine::metadata_bytes() + Heap::metadata_bytes(s.machine.nr_nodes) > s.machine.metadata + s.machine.metadata_bytes) return false;
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
  start_percpu(s.machine);
  s.heap.guard_large(s.options.hardened);
  s.heap.mapped().set_key(s.world.red_key);
  if (s.options.probation) s.heap.start_probation(s.options.probation);
  s.rcu.set_free(free_behind_readers);
  const bool poison_pools = s.options.slub_debug.flags_for("mempool") & debug::kPoison;
  s.pool_world = {alloc_places, free_places, poisonable_element, poison_pools};
  // Samples need a handler for SIGSEGV, and system calls that the sandbox of a program which knows nothing of them may forbid.
  const bool samples = s.options.kfence_asked_for || (!kmem_serves_malloc && !s.options.faults.nth.on);
  if (s.machine.catches_accesses && !s.options.tells && samples)
    s.guarded.init({.pages = &s.pages, .host_page_bytes = s.machine.host_page_bytes, .interval_ms = s.options.kfence_interval,
                    .nr_objects = s.options.kfence_objects, .caught = caught_access, .asked_for = s.options.kfence_asked_for});
  s.vmap.init({.pages = &s.pages, .can_alias = s.machine.can_alias, .huge = s.options.thp, .zero = s.options.init_on_alloc,
               .window_bytes = s.options.vmalloc, .physical_bytes = s.machine.physical_bytes,
               .host_page_bytes = s.machine.host_page_bytes});
  s.io.init(&s.pages, &s.vmap);
  if (s.options.sysfs[0]) s.io.set_sysfs(s.options.sysfs);
  s.kmap.init(&s.pages, &s.vmap);
  s.pages.set_reclaim({shrink, ebb, out_of_memory, &s.heap});
  s.pages.set_limited(s.machine.limited || s.options.mem);
  s.pages.set_shared(s.machine.limited);
  for (unsigned i = 0; i < s.pages.nr_zones(); ++i) {
    s.pages.zone(i).set_huge(s.options.thp);
    s.pages.zone(i).set_bound(s.machine.binds_nodes);
  }
  s.pages.set_init(s.options.init_on_alloc, s.options.init_on_free);
  return true;
}

// Objects that are freed while faults are injected may take the fast path: a free does not fail.
void set_limits(System& s, uint32_t diversions) {
  const bool open = !diversions;
  kmem_malloc_limit = open ? kMallocMax : 0;
  kmem_kmalloc_limit = open ? kKmallocMax : 0;
  kmem_frames_end = diversions & (kForStats | kForChecks) ? 0 : s.pages.frames_end();
  kmem_listed_head =
      open && s.machine.nr_nodes == 1 ? Page::pack(PageKind::Block, s.pages.preferred_zone(0)->index(), Order{0}, 1) : 0;
  const bool every = diversions & (kForFaults | kForContexts | kForStats);
  if (s.world.diverted != every) s.heap.divert(every);
}

void open_fast_paths(System& s) {
  kmem_direct_map = s.machine.direct_map;
  kmem_descriptors = s.machine.descriptors;
  if (s.options.stats) s.diversions.fetch_or(kForStats);
  if (needs_every_call(s.options)) s.diversions.fetch_or(kForChecks);
  if (s.options.might_sleep) s.diversions.fetch_or(kForContexts);
  set_limits(s, s.diversions.load());
  start_faults(s.options.faults);
}

/// In the child of a fork that cut its parent's boot short: as if it had never begun.  Nobody has anything of it yet.  What
/// the port reserved of address space for it stays reserved.
void forget_half_a_boot(System& s) {
  new (&s) System{};
  clear_percpu();
}

/// What a process does once, where it may allocate.
void begin_services() {
  static Once begun;
  if (!begun.first()) return;
  kmem_port_at_fork(before_fork, after_fork_in_parent, after_fork);
  if (system().options.psi) system().pages.reclaim().watch_pressure();
  if (system().options.kswapd) system().pages.reclaim().start_threads();
}

KMEM_COLD bool boot_slowly() {
  const BootClaim::Answer answer = boot_claim.claim();
  if (answer == BootClaim::IsUp || answer == BootClaim::IsNot) return answer == BootClaim::IsUp;
  System& s = system();
  if (answer == BootClaim::BeginAnew && !is_built.load()) forget_half_a_boot(s);
  if (!is_built.load()) is_built.store(kmem_port_boot(&s.machine) && build(s));
  if (is_built.load()) open_fast_paths(s);
  boot_claim.finish(is_built.load());
  // Whoever was to do it in the parent will not come by here.
  if (answer == BootClaim::BeginAnew && is_built.load()) after_fork(), begin_services();
  return is_built.load();
}

}  // namespace

System& system() { return the_system; }

void start_fail_nth(const FailNth& nth) {
  void* shared = nth.record[0] ? kmem_port_share(nth.record, sizeof(SharedFaultRecord)) : nullptr;
  if (nth.record[0] && !shared) note("fail_nth: %s cannot be shared; points are counted in this process", nth.record);
  set_fail_nth(nth, static_cast<SharedFaultRecord*>(shared));
}

// Whoever changes the reasons last sets the limits last.
void divert(Diversion why, bool on) {
  System& s = system();
  if (on) s.diversions.fetch_or(why);
  else s.diversions.fetch_and(~uint32_t{why});
  for (uint32_t seen = ~s.diversions.load(); seen != s.diversions.load();) set_limits(s, seen = s.diversions.load());
}

// Before main() where the program did not allocate earlier still: so that the first two threads do not meet in boot().
[[gnu::constructor]] static void boot_early() {
  if (boot()) begin_services();
}

#ifdef KMEM_SIM
void sim_reset() {
  set_fault_switch(nullptr);
  reset_faults();
  forget_sleep_sites();
  memcpy(static_cast<void*>(&the_system), static_cast<const void*>(&untouched_system), sizeof(System));
  kmem_base = kmem_direct_map = kmem_descriptors = nullptr;
  kmem_frames_end = kmem_listed_head = 0;
  kmem_malloc_limit = kmem_kmalloc_limit = 0;
  is_built.poke(false);
  boot_claim.reset();
}
#endif

bool only_counted() { return system().diversions.peek() == kForStats; }

bool booting_here() { return boot_claim.is_mine(); }

bool boot() { return KMEM_LIKELY(boot_claim.is_up()) || boot_slowly(); }

void before_fork() {
  if (!boot_claim.is_up()) return;
  system().io.before_fork();
  system().vmap.window().before_fork();
}

void after_fork_in_parent() {
  if (!boot_claim.is_up()) return;
  system().vmap.window().after_fork_in_parent();
  system().io.after_fork_in_parent();
}

void look_at_the_end(bool quiet) {
  const BootOptions& options = system().options;
  if (options.validate && quiet) validate_system();
  if (options.probation || options.slub_debug.any()) system().heap.last_look(quiet);
}

void after_fork() {
  if (!boot_claim.is_up()) return;
  system().vmap.window().after_fork_in_child();
  system().io.after_fork_in_child();
  CpuStack::after_fork();
  percpu().copies.after_fork();
  reopen_after_fork(system().sheaves, system().machine.nr_cpus);
  system().pages.after_fork();
  system().pools.after_fork();
  system().rcu.after_fork();
}

void watch_accesses() {
  static Once asked;
  if (system().machine.catches_accesses && asked.first()) kmem_port_catch_accesses(caught_access, false);
}

Fault check_system() {
  System& s = system();
  if (const Fault fault = s.pages.check()) return fault;
  if (const Fault fault = percpu().copies.check()) return fault;
  if (const Fault fault = percpu().heap.check()) return fault;
  for (uint32_t id = 1; id <= s.heap.nr_caches(); ++id)
    if (s.heap.cache(id).live())
      if (const Fault fault = s.heap.cache(id).check()) return fault;
  if (const Fault fault = s.pools.check()) return fault;
  if (const Fault fault = s.guarded.check()) return fault;
  if (const Fault fault = s.io.check()) return fault;
  return s.vmap.check();
}

void* slow_malloc(size_t size, bool zero) {
  if (!boot()) return nullptr;
  System& s = system();
  if (!zero && size <= kMallocMax && only_counted())
    if (void* p = s.heap.malloc_cache(size).pop_counted()) return p;
  return s.heap.malloc(size, zero);
}

bool slow_free_sized(void* p, size_t size) {
  if (!boot()) return false;
  System& s = system();
  s.heap.check_size(p, s.heap.classify(p), size);
  return slow_free(p);
}

// Nothing is lost by it, so the block is freed all the same.
KMEM_COLD void report_other_family(const void* p, Family family, Family by) {
  static RateLimit limit;
  const bool of_malloc = family == Family::Malloc;
  bug_report_limited(limit, Trouble::Bug, "%s of %p, which %s gave: use %s", by == Family::Kmalloc ? "kfree" : "free", p,
                     of_malloc ? "malloc" : family == Family::Kmalloc ? "kmalloc" : "kmem_cache_alloc",
                     of_malloc ? "free" : family == Family::Kmalloc ? "kfree" : "kmem_cache_free");
}

void check_family(const void* p, const Block& block, Family by) {
  const Family family = system().heap.family_of(p, block);
  const bool fits = by == Family::Kmalloc ? family != Family::Malloc : family == Family::Malloc;
  if (!fits && family != Family::Unknown) report_other_family(p, family, by);
}

bool slow_free(void* p, Family by) {
  if (!boot()) return false;
  System& s = system();
  // What the fast path would take, were there room: by far the most that comes here.
  if (const unsigned c = fast::class_of(p); c && c != kSharedClass) return s.heap.cache(c).free(p), true;
  const Block block = s.heap.classify(p);
  if (block.kind == BlockKind::Foreign) return false;
  if (KMEM_UNLIKELY(s.options.hardened)) check_family(p, block, by);
  if (!s.heap.free(p)) report_bad_free(p);
  return true;
}

void report_bad_free(const void* p) {
  static RateLimit limit;
  if (TextOf<160> name; system().vmap.describe(p, name))
    return bug_report_limited(limit, Trouble::Bug, "free of %p, in %s: use vfree", p, name.data());
  const Block block = system().heap.classify(p);
  switch (block.kind) {
    case BlockKind::Object:
      return block.cache->refuse_free(p);
    case BlockKind::Inside:
      if (block.cache)
        return bug_report_limited(limit, Trouble::Bug, "free of %p, which is not the start of an object of cache %s", p,
                                  block.cache->name());
      return bug_report_limited(limit, Trouble::Bug, "free of %p, which is not the start of a block", p);
    case BlockKind::Free:
      return bug_report_limited(limit, Trouble::Bug, "free of %p, in a page that is free: a double free?", p);
    case BlockKind::Pages:
      return bug_report_limited(limit, Trouble::Bug, "kfree of %p, a block of pages: use free_pages", p);
    default:
      return bug_report_limited(limit, Trouble::Bug, "free of %p, which kmem never gave out", p);
  }
}

}  // namespace kmem
