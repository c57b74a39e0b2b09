// The local APIC of each CPU with its timer, the clock, and the start of the other CPUs.

#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"
#include "port/layout.h"
#include "x86/x86.h"

extern "C" {
extern char bare_trampoline[], bare_trampoline_end[], bare_trampoline_cr3[];
char* bare_ap_stack;
[[noreturn]] void bare_ap_main();
}

namespace bare {
namespace {

uint64_t tsc_start = 0, ns_per_tsc_32 = 0;  // nanoseconds of a cycle, times 2^32
uint32_t timer_count = 0;                   // counts of the local timer in a millisecond
volatile uint32_t* local_apic = nullptr;
uint64_t generation = 0;

uint32_t read_apic(unsigned reg) { return local_apic[reg / 4]; }
void write_apic(unsigned reg, uint32_t value) { local_apic[reg / 4] = value; }

// The clock -------------------------------------------------------------------------------------------------------------

/// Cycles of the time stamp counter in so many milliseconds, measured by channel 2 of the old timer (PIT), which raises no
/// interrupts.
uint64_t tsc_in_ms(unsigned ms) {
  constexpr uint32_t kHz = 1193182;
  const uint32_t count = kHz * ms / 1000;
  out8(0x61, static_cast<uint8_t>((in8(0x61) & ~2) | 1));
  out8(0x43, 0xb0);
  out8(0x42, static_cast<uint8_t>(count));
  out8(0x42, static_cast<uint8_t>(count >> 8));
  const uint64_t from = read_cycles();
  while (!(in8(0x61) & 0x20)) relax();
  return read_cycles() - from;
}

}  // namespace

uint64_t read_cycles() {
  uint32_t low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return uint64_t{high} << 32 | low;
}

void start_clock() {
  constexpr unsigned kMs = 5;
  const uint64_t cycles = tsc_in_ms(kMs);
  ns_per_tsc_32 = (uint64_t{kMs} * 1000000 << 32) / (cycles ? cycles : 1);
  tsc_start = read_cycles();
}

uint64_t now_ns() { return kmem::multiply_high32(read_cycles() - tsc_start, ns_per_tsc_32) + 1000000000; }

void start_local_timer() {
  write_apic(0x3e0, 3);  // one count for 16 cycles
  if (!timer_count) {
    write_apic(0x320, 1 << 16);
    write_apic(0x380, ~0u);
    tsc_in_ms(5);
    timer_count = (~0u - read_apic(0x390)) / 5;
  }
  write_apic(0x320, kTimer);
  next_local_timer();
}

// One-shot, so that interrupts do not take all the time of a slow emulated machine.
void next_local_timer() { write_apic(0x380, timer_count); }

// CPUs ------------------------------------------------------------------------------------------------------------------

void init_cpu(uint32_t id) {
  Cpu& cpu = cpus[id];
  cpu.self = &cpu;
  cpu.id = id;
  cpu.percpu = static_cast<int32_t>(id);
  cpu.hardware_id = firmware.hardware_id[id];
  cpu.words = id * kmem::kCpuStride;
  load_tables(id);
  // Entry 1 of the page attribute table, selected by PWT alone, becomes write-combining.
  write_msr(0x277, 0x0007040600070106);
}

/// Pages are mapped one behind the other.
volatile void* map_fixed(uint64_t phys) {
  constexpr unsigned kMost = 16;
  static unsigned nr = 0;
  static uint64_t pages[kMost];
  const uint64_t page = phys & ~(kPageSize - 1);
  unsigned i = 0;
  while (i < nr && pages[i] != page) ++i;
  const uint64_t at = kFixed + i * kPageSize;
  if (i == nr) {
    if (nr == kMost || !map_range(at, page, kPageSize, {true, Cache::Uncached})) return nullptr;
    pages[nr++] = page;
  }
  return reinterpret_cast<volatile void*>(at + phys % kPageSize);
}

void init_interrupt_controller() {
  if (!local_apic) {
    local_apic = static_cast<volatile uint32_t*>(map_fixed(read_msr(0x1b) & 0xffffff000));
    if (!local_apic) panic("no local APIC");
    out8(0x21, 0xff);  // masks the old interrupt controllers
    out8(0xa1, 0xff);
    init_io_apics();
  }
  write_apic(0xf0, 0x100 | kSpurious);
  write_apic(0x80, 0);
}

void end_of_interrupt(uint32_t) { write_apic(0xb0, 0); }

static void send(uint32_t hardware_id, uint32_t command) {
  const uint64_t flags = irq_save();
  while (read_apic(0x300) & 1 << 12) relax();
  write_apic(0x310, hardware_id << 24);
  write_apic(0x300, command);
  irq_restore(flags);
}
void send_ipi(uint32_t hardware_id, unsigned vector) { send(hardware_id, 0x4000 | vector); }

static void wait_us(unsigned us) {
  for (const uint64_t until = now_ns() + us * uint64_t{1000}; now_ns() < until;) relax();
}

/// Starts the CPUs one after the other: INIT, then twice SIPI with the start page.
void start_cpus() {
  constexpr uint64_t kPage = 0x8000;
  char* const page = reinterpret_cast<char*>(kPage);
  memcpy(page, bare_trampoline, static_cast<size_t>(bare_trampoline_end - bare_trampoline));
  const auto cr3 = static_cast<uint32_t>(top_table());
  memcpy(page + (bare_trampoline_cr3 - bare_trampoline), &cr3, sizeof cr3);
  for (uint32_t id = 1; id < firmware.nr_cpus; ++id) {
    constexpr uint64_t kBytes = 32768;
    const uint64_t stack = pool.take(kBytes / kPageSize);
    if (!stack) panic("no frames for the stack of CPU %u", id);
    bare_ap_stack = seen_at(stack) + kBytes;
    nr_cpus_up = id;
    send(firmware.hardware_id[id], 0x4500);
    wait_us(10000);
    for (int i = 0; i < 2 && !__atomic_load_n(&cpus[id].up, __ATOMIC_ACQUIRE); ++i) {
      send(firmware.hardware_id[id], 0x4600 | kPage >> 12);
      for (int us = 0; us < 200000 && !__atomic_load_n(&cpus[id].up, __ATOMIC_ACQUIRE); us += 100) wait_us(100);
    }
    if (!cpus[id].up) say("CPU %u does not answer\n", id);
  }
  nr_cpus_up = firmware.nr_cpus;
}

// Passing by: each CPU takes a non-maskable interrupt, even with interrupts off; it flushes its TLB, and a sequence that it was
// in restarts.

void pass_by_all() {
  const uint64_t mine = __atomic_add_fetch(&generation, 1, __ATOMIC_SEQ_CST);
  const uint64_t flags = irq_save();
  const uint32_t here = this_cpu_id();
  for (uint32_t id = 0; id < firmware.nr_cpus; ++id)
    if (id != here && __atomic_load_n(&cpus[id].up, __ATOMIC_RELAXED)) send(cpus[id].hardware_id, 0x4400);
  forget_translations();
  for (uint32_t id = 0; id < firmware.nr_cpus; ++id)
    while (id != here && cpus[id].up && __atomic_load_n(&cpus[id].seen, __ATOMIC_ACQUIRE) < mine) relax();
  irq_restore(flags);
}
void flush_all() { pass_by_all(); }
void forget_translations() {
  uintptr_t top;
  asm volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "=r"(top) : : "memory");
}

}  // namespace bare

using namespace bare;

// The CPU must read what the boot CPU wrote for it before it reports that it is up.
void bare_ap_main() {
  const uint32_t id = nr_cpus_up;
  init_cpu(id);
  init_interrupt_controller();
  start_local_timer();
  __atomic_store_n(&cpus[id].seen, __atomic_load_n(&generation, __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
  __atomic_store_n(&cpus[id].up, true, __ATOMIC_SEQ_CST);
  forget_translations();
  run_cpu();
  __builtin_unreachable();
}

/// In the handler of a non-maskable interrupt.
extern "C" void bare_pass_by() {
  Cpu& cpu = this_cpu();
  const uint64_t now = __atomic_load_n(&generation, __ATOMIC_SEQ_CST);
  forget_translations();
  ++cpu.nr_passes;
  __atomic_store_n(&cpu.seen, now, __ATOMIC_RELEASE);
}
