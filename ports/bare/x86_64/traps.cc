// Interrupts and exceptions of x86-64: which of them mean what, and the handlers of devices.

#include "bare.h"
#include "x86.h"

extern "C" {
void bare_trap(bare::SavedRegisters* registers);
void bare_pass_by();
}

namespace bare {

const void* pc_of(const SavedRegisters* registers) { return reinterpret_cast<const void*>(registers->rip); }
void go_on_at(SavedRegisters& registers, const void* pc) { registers.rip = reinterpret_cast<uint64_t>(pc); }
const void* frame_of(const SavedRegisters* registers) { return reinterpret_cast<const void*>(registers->rbp); }

namespace {

constexpr unsigned kMostHandlers = kTimer - kFirstDevice;
struct Handler {
  void (*call)(void*) = nullptr;
  void* argument = nullptr;
};
Handler handlers[kMostHandlers];
SpinLock handlers_lock;

constexpr const char* kNames[] = {"divide error",
                                  "debug trap",
                                  "NMI",
                                  "breakpoint",
                                  "overflow",
                                  "bound",
                                  "invalid opcode",
                                  "no coprocessor",
                                  "double fault",
                                  "",
                                  "invalid TSS",
                                  "segment not present",
                                  "stack fault",
                                  "general protection fault",
                                  "page fault",
                                  "",
                                  "x87 error",
                                  "alignment",
                                  "machine check",
                                  "SIMD error"};

void page_fault(SavedRegisters& r) {
  uint64_t at;
  asm volatile("movq %%cr2, %0" : "=r"(at));
  const AccessKind kind = r.error & 2 ? AccessKind::Write : r.error & 0x10 ? AccessKind::Code : AccessKind::Read;
  handle_page_fault(at, kind, !(r.error & 0x18), r);
}

void interrupt(unsigned vector) {
  handle_interrupt(vector == kTimer ? Came::Timer : vector == kWake ? Came::Wake : Came::Device, vector);
}

}  // namespace

void show_registers(const SavedRegisters& r) {
  say("CPU %u, task %s, rip %016lx rflags %08lx error %lx\n", this_cpu_id(), task_name(), r.rip, r.rflags, r.error);
  say("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r.rax, r.rbx, r.rcx, r.rdx);
  say("rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", r.rsi, r.rdi, r.rbp, r.rsp);
  say("r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", r.r8, r.r9, r.r10, r.r11);
  say("r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", r.r12, r.r13, r.r14, r.r15);
}

void run_handler(uint32_t vector) {
  if (vector < kFirstDevice || vector >= kTimer) return;
  const Handler handler = handlers[vector - kFirstDevice];
  if (handler.call) handler.call(handler.argument);
}

unsigned take_vector(void (*handler)(void*), void* argument) {
  const Locked locked(handlers_lock);
  for (unsigned i = 0; i < kMostHandlers; ++i) {
    if (handlers[i].call) continue;
    handlers[i].argument = argument;
    handlers[i].call = handler;
    return kFirstDevice + i;
  }
  return 0;
}

void give_vector(unsigned vector) {
  const Locked locked(handlers_lock);
  handlers[vector - kFirstDevice] = {};
}

void interrupt_self(unsigned vector) {
  const uint64_t flags = irq_save();
  send_ipi(this_cpu().hardware_id, vector);
  irq_restore(flags);
}

}  // namespace bare

using namespace bare;

void bare_trap(SavedRegisters* registers) {
  SavedRegisters& r = *registers;
  r.rip = resume_at(r.rip);
  if (r.vector == kNmi) return bare_pass_by();
  if (r.vector == kPageFault) return page_fault(r);
  if (r.vector >= 32) return r.vector == kSpurious ? void() : interrupt(static_cast<unsigned>(r.vector));
  end_by_exception(r.vector < sizeof kNames / sizeof *kNames ? kNames[r.vector] : "exception", r);
}
