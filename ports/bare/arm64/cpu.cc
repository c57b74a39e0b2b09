// Initialisation of each CPU, its clock and timer; the start of the other CPUs; and what they ask of each other.

#include "arm64.h"
#include "bare.h"
#include "base/memory.h"
#include "port/layout.h"

extern "C" {
void bare_begin_task();
[[noreturn]] void bare_ap_main();
extern char bare_secondary[];
char *bare_ap_stack, *bare_ap_exception_stack;
alignas(16) __attribute__((section(".bss.boot"))) char bare_exception_stacks[bare::kMostCpus][BARE_EXCEPTION_STACK];
}

namespace bare {
namespace {

uint64_t count_start = 0, ns_per_count_32 = 0;  // nanoseconds of a count, times 2^32
uint64_t generation = 0;

uint64_t count() {
  asm volatile("isb" : : : "memory");
  return BARE_READ(cntvct_el0);
}
uint64_t counts_in_a_second() { return BARE_READ(cntfrq_el0); }

bool has_interrupts() { return !(BARE_READ(daif) & kInterruptsOff); }

}  // namespace

/// Nanoseconds since the machine was switched on. Where QEMU counts instructions as time, they are instructions.
uint64_t read_cycles() {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(count()) * 1000000000 / counts_in_a_second());
}

void start_clock() {
  if (!counts_in_a_second()) panic("the firmware has not said how fast the clock is");
  ns_per_count_32 = (uint64_t{1000000000} << 32) / counts_in_a_second();
  count_start = count();
}

uint64_t now_ns() {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(count() - count_start) * ns_per_count_32 >> 32) + 1000000000;
}

void start_local_timer() {
  next_local_timer();
  BARE_WRITE(cntv_ctl_el0, 1);
}

// One-shot, so that interrupts do not take all the time of a slow emulated machine.
void next_local_timer() {
  BARE_WRITE(cntv_tval_el0, counts_in_a_second() / 1000);
  asm volatile("isb");
}

// CPUs ------------------------------------------------------------------------------------------------------------------

void init_cpu(uint32_t id) {
  Cpu& cpu = cpus[id];
  cpu.self = &cpu;
  cpu.id = id;
  cpu.percpu = static_cast<int32_t>(id);
  cpu.hardware_id = firmware.hardware_id[id];
  cpu.words = id * kmem::kCpuStride;
  BARE_WRITE(tpidr_el1, reinterpret_cast<uint64_t>(&cpu));
  asm volatile("msr daifclr, #4");  // errors of the system are not to be missed
}

void init_interrupt_controller() {
  if (!this_cpu_id()) init_gic();
  init_gic_of_cpu();
}

uint64_t prepare_stack(char* top, void (*body)(void*), void* argument) {
  uint64_t frame[20] = {reinterpret_cast<uint64_t>(body), reinterpret_cast<uint64_t>(argument)};
  frame[11] = reinterpret_cast<uint64_t>(&bare_begin_task);
  top -= sizeof frame;
  memcpy(top, frame, sizeof frame);
  return reinterpret_cast<uint64_t>(top);
}

int64_t call_psci(Psci function, uint64_t a, uint64_t b, uint64_t c) {
  if (!board.has_psci) return -1;
  register uint64_t x0 asm("x0") = static_cast<uint64_t>(function);
  register uint64_t x1 asm("x1") = a;
  register uint64_t x2 asm("x2") = b;
  register uint64_t x3 asm("x3") = c;
#define BARE_CALL(instruction)                          \
  asm volatile(instruction                              \
               : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) \
               :                                        \
               : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory")
  if (board.psci_by_smc) BARE_CALL("smc #0");
  else BARE_CALL("hvc #0");
#undef BARE_CALL
  return static_cast<int64_t>(x0);
}

/// As PSCI wants the affinities: the highest is in bits 32 to 39.
static uint64_t affinities(uint32_t hardware_id) { return (hardware_id & 0xffffff) | uint64_t{hardware_id & 0xff000000} << 8; }

static void start_cpu(uint32_t id) {
  constexpr uint64_t kBytes = 32768;
  const uint64_t stack = pool.take(kBytes / kPageSize);
  if (!stack) panic("no frames for the stack of CPU %u", id);
  bare_ap_stack = seen_at(stack) + kBytes;
  bare_ap_exception_stack = bare_exception_stacks[id] + BARE_EXCEPTION_STACK;
  nr_cpus_up = id;
  asm volatile("dsb ish" : : : "memory");
  const auto entry = reinterpret_cast<uint64_t>(bare_secondary) + image_offset;
  const int64_t result = call_psci(Psci::CpuOn, affinities(firmware.hardware_id[id]), entry, top_table());
  if (result) return say("CPU %u does not start: PSCI says %ld\n", id, result);
  for (const uint64_t until = now_ns() + 2000000000; now_ns() < until && !__atomic_load_n(&cpus[id].up, __ATOMIC_ACQUIRE);)
    relax();
  if (!cpus[id].up) say("CPU %u does not answer\n", id);
}

void start_cpus() {
  for (uint32_t id = 1; id < firmware.nr_cpus; ++id) start_cpu(id);
  nr_cpus_up = firmware.nr_cpus;
}

// Passing by: each CPU takes an interrupt, so that a sequence that it was in restarts.  There is no interrupt that cannot be
// masked: a CPU that waits with interrupts off, for a lock or for others to pass by, answers from its loop, where it is in no
// sequence.

void answer_pass_by() {
  Cpu& cpu = this_cpu();
  const uint64_t now = __atomic_load_n(&generation, __ATOMIC_SEQ_CST);
  if (cpu.seen == now) return;
  ++cpu.nr_passes;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&cpu.seen, now, __ATOMIC_RELEASE);
}

void relax() {
  asm volatile("yield");
  if (!has_interrupts()) answer_pass_by();
}

/// A CPU that waits for an interrupt is in no sequence, and need not be woken. Masked interrupts end the waiting too, so
/// nothing runs before the others can see that it is over.
void wait_for_interrupt() {
  (void)irq_save();
  Cpu& cpu = this_cpu();
  __atomic_store_n(&cpu.waits, true, __ATOMIC_SEQ_CST);
  asm volatile("dsb sy\n\twfi" : : : "memory");
  __atomic_store_n(&cpu.waits, false, __ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  answer_pass_by();
  irq_restore(kInterruptsOn);
}

static bool must_pass_by(uint32_t id) {
  return __atomic_load_n(&cpus[id].up, __ATOMIC_ACQUIRE) && !__atomic_load_n(&cpus[id].waits, __ATOMIC_SEQ_CST);
}

void pass_by_all() {
  const uint64_t flags = irq_save();
  const uint64_t mine = __atomic_add_fetch(&generation, 1, __ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  const uint32_t here = this_cpu_id();
  for (uint32_t id = 0; id < firmware.nr_cpus; ++id)
    if (id != here && must_pass_by(id)) interrupt_cpu(id, kPassBy);
  for (uint32_t id = 0; id < firmware.nr_cpus; ++id)
    while (id != here && must_pass_by(id) && __atomic_load_n(&cpus[id].seen, __ATOMIC_ACQUIRE) < mine) relax();
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  irq_restore(flags);
}

/// The processor tells the other CPUs.
void flush_all() { asm volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" : : : "memory"); }
void forget_translations() { asm volatile("dsb nshst\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" : : : "memory"); }

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
  run_cpu();
}
