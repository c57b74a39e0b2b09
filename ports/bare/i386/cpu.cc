// What differs between x86-64 and i386 in the initialisation of a CPU: segments, interrupt table, stacks.

#include "bare.h"
#include "base/memory.h"
#include "x86/x86.h"

extern "C" {
void bare_begin_task();
void bare_double_fault();
[[noreturn]] void bare_on_double_fault();
extern char bare_stubs[];
}

namespace bare {
namespace {

struct [[gnu::packed]] Pointer {
  uint16_t limit;
  uint32_t base;
};
struct Gate {
  uint16_t low, selector;
  uint8_t reserved, type;
  uint16_t high;
};
struct [[gnu::packed]] TaskState32 {
  uint32_t before, stacks[6], cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
  uint32_t es, cs, ss, ds, fs, gs, ldt;
  uint16_t trap, io_map;
};
/// Selectors.
constexpr uint32_t kCode = 0x08, kData = 0x10, kCpuData = 0x18, kTask = 0x20, kDoubleFaultTask = 0x28;
constexpr unsigned kFaultStack = 16384;
struct Segments {
  uint64_t gdt[6];
  TaskState32 state, at_fault;  // where a double fault saves the registers, and those that it loads
  alignas(16) char stack[kFaultStack];
};

Gate idt[256];
Segments segments[kMostCpus];

uint32_t number(const void* p) { return reinterpret_cast<uintptr_t>(p); }

/// A double fault comes when there is no stack for another exception, so it is a task with a stack of its own.
void fill_idt() {
  for (unsigned i = 0; i < 256; ++i) {
    const uint32_t at = number(bare_stubs) + i * 16;  // each stub begins at a multiple of 16
    idt[i] = {static_cast<uint16_t>(at), kCode, 0, 0x8e, static_cast<uint16_t>(at >> 16)};
  }
  idt[kDoubleFault] = {0, kDoubleFaultTask, 0, 0x85, 0};
}

/// A descriptor of so many bytes, with its type.
uint64_t segment(const void* at, uint32_t bytes, uint64_t type) {
  const uint64_t base = number(at);
  return (bytes - 1) | (base & 0xffffff) << 16 | type << 40 | (base >> 24) << 56;
}

void load_segments(Segments& s, const Cpu& cpu) {
  s.gdt[kCode / 8] = 0x00cf9b000000ffff;
  s.gdt[kData / 8] = 0x00cf93000000ffff;
  s.gdt[kCpuData / 8] = segment(&cpu, sizeof cpu, 0x93) | uint64_t{4} << 52;  // of 32 bits
  s.gdt[kTask / 8] = segment(&s.state, sizeof s.state, 0x89);
  s.gdt[kDoubleFaultTask / 8] = segment(&s.at_fault, sizeof s.at_fault, 0x89);
  s.state.io_map = s.at_fault.io_map = sizeof s.state;
  TaskState32& t = s.at_fault;
  t.cr3 = static_cast<uint32_t>(top_table());
  t.eip = reinterpret_cast<uintptr_t>(&bare_double_fault);
  t.esp = number(s.stack + kFaultStack);
  t.eflags = 2;
  t.cs = kCode;
  t.es = t.ss = t.ds = t.fs = kData;
  t.gs = kCpuData;
  const Pointer gdt{sizeof s.gdt - 1, number(s.gdt)}, table{sizeof idt - 1, number(idt)};
  asm volatile("lgdt %0\n\tlidt %1\n\tltr %w2\n\tmovw %w3, %%gs"
               :
               : "m"(gdt), "m"(table), "r"(kTask), "r"(kCpuData)
               : "memory");
}

}  // namespace

void load_tables(uint32_t id) {
  if (!id) fill_idt();
  load_segments(segments[id], cpus[id]);
}

uint64_t prepare_stack(char* top, void (*body)(void*), void* argument) {
  const uint32_t frame[] = {0, number(argument), reinterpret_cast<uintptr_t>(body), 0,
                            reinterpret_cast<uintptr_t>(&bare_begin_task)};
  top -= 16 + sizeof frame;
  memcpy(top, frame, sizeof frame);
  return number(top);
}

const void* frame_of(const SavedRegisters* registers) { return reinterpret_cast<const void*>(registers->ebp); }

void show_registers(const SavedRegisters& r) {
  say("CPU %u, task %s, eip %08x eflags %08x error %x\n", this_cpu_id(), task_name(), r.pc, r.eflags, r.error);
  say("eax %08x ebx %08x ecx %08x edx %08x\n", r.eax, r.ebx, r.ecx, r.edx);
  say("esi %08x edi %08x ebp %08x esp %08x\n", r.esi, r.edi, r.ebp, r.esp);
}

}  // namespace bare

using namespace bare;

void bare_on_double_fault() {
  const TaskState32& t = segments[this_cpu_id()].state;
  const SavedRegisters r{t.edi, t.esi, t.ebp, t.esp, t.ebx, t.edx, t.ecx, t.eax, kDoubleFault, 0, t.eip, t.cs, t.eflags};
  end_by_exception("double fault", r);
}
