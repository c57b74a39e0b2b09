// From the loader to the kernel: firmware tables, page tables, CPUs, tasks, and then bare_kernel_main().

#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"
#include "x86.h"

extern "C" {
void bare_main(uint32_t magic, uint32_t info);
/// Defined by the kernel; its result is the machine's exit status.
int bare_kernel_main(void);
extern char bare_image_start[], bare_image_end[];
extern char __start_kmem_percpu_room[], __stop_kmem_percpu_room[];
extern void (*const bare_constructors[])(), (*const bare_constructors_end[])();
}

namespace bare {
namespace {

constexpr uint32_t kPvhMagic = 0x336ec578, kMultiboot2Magic = 0x36d76289;
constexpr uint64_t kSeenAtBoot = uint64_t{4} << 30;
/// Reserved at the bottom: the page in which CPUs start, and the firmware's data.
constexpr uint64_t kBottom = 0x10000;

template <typename T>
T read(uint64_t at) {
  T value;
  memcpy(&value, reinterpret_cast<const void*>(at), sizeof value);
  return value;
}

void copy_words(uint64_t from) {
  if (!from) return;
  const char* text = reinterpret_cast<const char*>(from);
  size_t n = 0;
  for (; text[n] && n + 1 < sizeof firmware.command_line; ++n) firmware.command_line[n] = text[n];
  firmware.command_line[n] = 0;
}

/// Whole pages of a range of usable memory.
void add_memory(uint64_t start, uint64_t bytes) {
  const uint64_t from = kmem::round_up(start, kPageSize), to = kmem::round_down(start + bytes, kPageSize);
  if (from < to) firmware.ram.add(from, to);
}
void remove_memory(uint64_t start, uint64_t bytes) {
  firmware.ram.remove(kmem::round_down(start, kPageSize), kmem::round_up(start + bytes, kPageSize));
}

/// Both maps have entries of {start, bytes, type}; 1 is memory.  If entries overlap and disagree, it is not memory.
void read_map(uint64_t at, uint32_t nr, uint32_t entry_bytes) {
  for (int memory = 1; memory >= 0; --memory)
    for (uint32_t i = 0; i < nr; ++i) {
      const uint64_t entry = at + uint64_t{i} * entry_bytes, start = read<uint64_t>(entry), bytes = read<uint64_t>(entry + 8);
      if (start + bytes < start || (read<uint32_t>(entry + 16) == 1) != memory) continue;
      memory ? add_memory(start, bytes) : remove_memory(start, bytes);
    }
}

void read_pvh(uint32_t info) {
  copy_words(read<uint64_t>(info + 24));
  firmware.rsdp = read<uint64_t>(info + 32);
  if (read<uint32_t>(info + 4) >= 1) read_map(read<uint64_t>(info + 40), read<uint32_t>(info + 48), 24);
}

void read_multiboot2(uint32_t info) {
  const auto total = read<uint32_t>(info);
  for (uint32_t off = 8; off + 8 <= total;) {
    const uint64_t tag = info + off;
    const auto type = read<uint32_t>(tag), bytes = read<uint32_t>(tag + 4);
    if (!type || bytes < 8) return;
    if (type == 1) copy_words(tag + 8);
    if (type == 6) read_map(tag + 16, (bytes - 16) / read<uint32_t>(tag + 8), read<uint32_t>(tag + 8));
    if (type == 14 || type == 15) firmware.rsdp = tag + 8;
    off += (bytes + 7) & ~7u;
  }
}

void read_firmware(uint32_t magic, uint32_t info) {
  if (magic == kMultiboot2Magic) read_multiboot2(info);
  else if (info && read<uint32_t>(info) == kPvhMagic) read_pvh(info);
  else panic("started by neither PVH nor multiboot 2");
  split_words();
  firmware.taken.add(0, kBottom);
  firmware.taken.add(kmem::round_down(reinterpret_cast<uint64_t>(bare_image_start), kPageSize),
                     kmem::round_up(reinterpret_cast<uint64_t>(bare_image_end), kPageSize));
}

void show_memory() {
  for (unsigned i = 0; i < firmware.ram.nr; ++i)
    say("memory [%#012lx-%#012lx] node %u\n", firmware.ram.all[i].start, firmware.ram.all[i].end - 1, firmware.ram.all[i].node);
}

constexpr uint64_t kMainStack = 256 << 10;

void main_task(void*) {
  for (auto* make = bare_constructors; make != bare_constructors_end; ++make) (*make)();
  end_machine(bare_kernel_main());
}

}  // namespace
}  // namespace bare

using namespace bare;

void bare_main(uint32_t magic, uint32_t info) {
  boot_tsc = read_tsc();
  sort_sequences();
  read_firmware(magic, info);
  read_acpi();
  say("kmem on bare x86-64: %u CPUs, %u nodes, words '%s'\n", firmware.nr_cpus, firmware.nr_nodes, firmware.command_line);
  show_memory();
  if (const char* why = find_pool(kSeenAtBoot)) panic("%s", why);
  make_page_tables(reinterpret_cast<uint64_t>(bare_image_end));
  const auto room = reinterpret_cast<uint64_t>(__start_kmem_percpu_room);
  if (!map_on_demand(kmem::round_up(room, kPageSize), reinterpret_cast<uint64_t>(__stop_kmem_percpu_room) - room,
                     Rights::ReadWrite))
    panic("no frames for per-CPU variables");
  init_cpu(0);
  cpus[0].up = true;
  init_interrupt_controller();
  scan_pci();
  start_clock();
  start_scheduler();
  start_local_timer();
  start_cpus();
  if (!spawn("main", main_task, nullptr, kMainStack)) panic("no frames for the first task");
  run_cpu();
}
