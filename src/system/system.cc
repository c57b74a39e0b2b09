#include "system/system.h"

#include "port/port.h"
#include "sync/cpu_words.h"
#include "system/assemble.h"
#include "system/boot_claim.h"
#include "system/callbacks.h"
#include "system/fast_paths.h"
#include "system/neighbours.h"
#include "system/percpu_world.h"
#include "watch/context.h"
#include "watch/profile.h"

// Not const, because the compiler would then fold this weak definition's value.
[[gnu::weak]] bool kmem_serves_malloc = false;

namespace kmem {

// Constant-initialised, because a constructor could run after the first allocation, and a destructor before the last.
constinit System the_system;

namespace {

/// All layers are built, but the fast paths may not be open yet.
Atomic<bool> is_built;
/// This kmem was not booted at the start, because no symbol reference resolves to it; it may still be called by an address from
/// dlsym().
Atomic<bool> woken_late;

/// In a forked child whose parent was in the middle of boot: back to the initial state. No memory has been allocated yet.
/// Address space that the port has reserved stays reserved.
void forget_half_a_boot(System& s) {
  new (&s) System{};
  clear_percpu();
}

/// Starts services of the process, once, at a point where it may allocate.
void begin_services() {
  static Once begun;
  if (!begun.first()) return;
  kmem_port_at_fork(before_fork, after_fork_in_parent, after_fork);
  if (system().options.psi) system().pages.reclaim().watch_host();
  if (system().options.kswapd) system().pages.reclaim().threads().start();
}

KMEM_COLD bool boot_slowly() {
  const BootClaim::Answer answer = boot_claim.claim();
  if (answer == BootClaim::IsUp || answer == BootClaim::IsNot) return answer == BootClaim::IsUp;
  System& s = system();
  if (answer == BootClaim::BeginAnew && !is_built.load()) forget_half_a_boot(s);
  if (!is_built.load()) is_built.store(kmem_port_boot(&s.machine) && assemble(s));
  if (is_built.load()) open_fast_paths(s);
  boot_claim.finish(is_built.load());
  if (!is_built.load()) return false;
  // The fork handler that would call this was not registered in the child.
  if (answer == BootClaim::BeginAnew) after_fork();
  meet_neighbours();
  if (answer == BootClaim::BeginAnew || woken_late.peek()) begin_services();
  return true;
}

}  // namespace

System& system() { return the_system; }

// Boots before main(), if no earlier allocation did, so that threads do not contend in boot(). Not if no symbol reference
// resolves to this kmem.
[[gnu::constructor]] static void boot_early() {
  if (!kmem_serves_malloc && !names_lead_here()) {
    woken_late.poke(true);
    return;
  }
  if (boot()) begin_services();
}

#ifdef KMEM_SIM
void sim_reset() {
  forget_fast_paths();
  forget_sleep_sites();
  new (&the_system) System{};
  is_built.poke(false);
  boot_claim.reset();
}
#endif

bool is_up() { return boot_claim.is_up(); }

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

bool checks_were_asked_for() { return system().options.validate || system().options.slub_debug.any(); }

void look_at_the_end(OtherTasks others) {
  const bool quiet = others == OtherTasks::None;
  const BootOptions& options = system().options;
  if (options.validate && quiet) validate_system();
  if (!options.probation && !options.slub_debug.any() && !options.hardened) return;
  // Draining may release slabs with only free objects, so their marks must be checked before.
  const bool sealed = system().world.seals.on();
  if (quiet && sealed) system().heap.validate();
  system().heap.drain_sheaves();
  if (quiet && !sealed) system().heap.validate();
}

void after_fork() {
  if (!boot_claim.is_up()) return;
  system().vmap.window().after_fork_in_child();
  system().io.after_fork_in_child();
  CpuStack::after_fork();
  kmem_profile.after_fork();
  percpu().copies.after_fork();
  reopen_after_fork(system().sheaves);
  system().pages.after_fork();
  system().pools.after_fork();
  system().rcu.after_fork();
}

void watch_accesses() {
  static Once asked;
  if (system().machine.catches_accesses && asked.first()) kmem_port_catch_accesses(caught_access, Handlers::Alone);
}

}  // namespace kmem
