// What differs between x86-64 and i386 in the initialisation of a CPU: segments, interrupt table, stacks.

#include "bare.h"
#include "base/memory.h"
#include "x86/x86.h"

extern "C" {
void bare_begin_task();
extern char bare_stubs[];
}

namespace bare {
namespace {

struct [[gnu::packed]] Pointer {
  uint16_t limit;
  uint64_t base;
};
struct Gate {
  uint16_t low, selector;
  uint8_t stack, type;
  uint16_t middle;
  uint32_t high, reserved;
};
struct [[gnu::packed]] TaskState64 {
  uint32_t reserved0;
  uint64_t stacks[3], reserved1, interrupt_stacks[7], reserved2;
  uint16_t reserved3, io_map;
};
constexpr unsigned kInterruptStack = 16384;
struct Segments {
  uint64_t gdt[8];
  TaskState64 state;
  alignas(16) char stacks[2][kInterruptStack];  // for NMIs, and for double faults
};

Gate idt[256];
Segments segments[kMostCpus];

void fill_idt() {
  for (unsigned i = 0; i < 256; ++i) {
    // Each stub begins at a multiple of 16.
    const auto at = reinterpret_cast<uint64_t>(bare_stubs) + i * 16;
    const uint8_t stack = i == kNmi ? 1 : i == kDoubleFault ? 2 : 0;
    idt[i] = {static_cast<uint16_t>(at), 8, stack, 0x8e, static_cast<uint16_t>(at >> 16), static_cast<uint32_t>(at >> 32), 0};
  }
}

void load_segments(Segments& s) {
  s.gdt[1] = 0x00209b0000000000;
  s.gdt[2] = 0x00cf93000000ffff;
  s.state.interrupt_stacks[0] = reinterpret_cast<uint64_t>(s.stacks[0] + kInterruptStack);
  s.state.interrupt_stacks[1] = reinterpret_cast<uint64_t>(s.stacks[1] + kInterruptStack);
  s.state.io_map = sizeof s.state;
  const auto at = reinterpret_cast<uint64_t>(&s.state);
  s.gdt[4] = 0x0000890000000000 | (sizeof s.state - 1) | (at & 0xffffff) << 16 | (at >> 24 & 0xff) << 56;
  s.gdt[5] = at >> 32;
  const Pointer gdt{sizeof s.gdt - 1, reinterpret_cast<uint64_t>(s.gdt)},
      table{sizeof idt - 1, reinterpret_cast<uint64_t>(idt)};
  asm volatile("lgdt %0\n\tlidt %1\n\tltr %w2" : : "m"(gdt), "m"(table), "r"(0x20));
}

}  // namespace

void load_tables(uint32_t id) {
  if (!id) fill_idt();
  load_segments(segments[id]);
  write_msr(0xc0000101, reinterpret_cast<uint64_t>(&cpus[id]));
}

uint64_t prepare_stack(char* top, void (*body)(void*), void* argument) {
  const uint64_t frame[] = {0, 0, reinterpret_cast<uint64_t>(argument),        reinterpret_cast<uint64_t>(body),
                            0, 0, reinterpret_cast<uint64_t>(&bare_begin_task)};
  top -= 16 + sizeof frame;
  memcpy(top, frame, sizeof frame);
  return reinterpret_cast<uint64_t>(top);
}

const void* frame_of(const SavedRegisters* registers) { return reinterpret_cast<const void*>(registers->rbp); }

void show_registers(const SavedRegisters& r) {
  say("CPU %u, task %s, rip %016jx rflags %08jx error %jx\n", this_cpu_id(), task_name(), r.pc, r.rflags, r.error);
  say("rax %016jx rbx %016jx rcx %016jx rdx %016jx\n", r.rax, r.rbx, r.rcx, r.rdx);
  say("rsi %016jx rdi %016jx rbp %016jx rsp %016jx\n", r.rsi, r.rdi, r.rbp, r.rsp);
  say("r8  %016jx r9  %016jx r10 %016jx r11 %016jx\n", r.r8, r.r9, r.r10, r.r11);
  say("r12 %016jx r13 %016jx r14 %016jx r15 %016jx\n", r.r12, r.r13, r.r14, r.r15);
}

}  // namespace bare
