// From the firmware's facts to the kernel: page tables, CPUs, tasks, and then bare_kernel_main().

#include "bare.h"
#include "base/bits.h"

extern "C" {
/// Defined by the kernel; its result is the machine's exit status.
int bare_kernel_main(void);
extern char __start_kmem_percpu_room[], __stop_kmem_percpu_room[];
extern void (*const bare_constructors[])(), (*const bare_constructors_end[])();
}

namespace bare {

uint64_t boot_cycles = 0;

namespace {

constexpr uint64_t kMainStack = 256 << 10;

void show_memory() {
  for (unsigned i = 0; i < firmware.ram.nr; ++i)
    say("memory [%#012jx-%#012jx] node %u\n", firmware.ram.all[i].start, firmware.ram.all[i].end - 1, firmware.ram.all[i].node);
}

/// Copies of per-CPU variables come on demand.
bool open_percpu_room() {
  const auto room = reinterpret_cast<uint64_t>(__start_kmem_percpu_room);
  return map_on_demand(kmem::round_up(room, kPageSize), reinterpret_cast<uint64_t>(__stop_kmem_percpu_room) - room,
                       Rights::ReadWrite);
}

void main_task(void*) {
  for (auto* make = bare_constructors; make != bare_constructors_end; ++make) (*make)();
  end_machine(bare_kernel_main());
}

}  // namespace

void boot_machine(const char* processor, uint64_t seen_below) {
  say("kmem on bare %s: %u CPUs, %u nodes, words '%s'\n", processor, firmware.nr_cpus, firmware.nr_nodes,
      firmware.command_line);
  show_memory();
  if (const char* why = find_pool(seen_below)) panic("%s", why);
  make_page_tables();
  if (!open_percpu_room()) panic("no frames for per-CPU variables");
  init_cpu(0);
  cpus[0].up = true;
  init_interrupt_controller();
  find_devices();
  start_clock();
  start_scheduler();
  start_local_timer();
  start_cpus();
  if (!spawn("main", main_task, nullptr, kMainStack)) panic("no frames for the first task");
  run_cpu();
}

}  // namespace bare
