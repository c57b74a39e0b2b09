// Interrupts and exceptions of x86: which of them mean what, and the handlers of devices.

#include "bare.h"
#include "x86/x86.h"

extern "C" {
void bare_trap(bare::SavedRegisters* registers);
void bare_pass_by();
}

namespace bare {

const void* pc_of(const SavedRegisters* registers) { return reinterpret_cast<const void*>(registers->pc); }
void go_on_at(SavedRegisters& registers, const void* pc) { registers.pc = reinterpret_cast<uintptr_t>(pc); }

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
  uintptr_t at;
  asm volatile("mov %%cr2, %0" : "=r"(at));
  const AccessKind kind = r.error & 2 ? AccessKind::Write : r.error & 0x10 ? AccessKind::Code : AccessKind::Read;
  handle_page_fault(at, kind, !(r.error & 0x18), r);
}

void interrupt(unsigned vector) {
  handle_interrupt(vector == kTimer ? Came::Timer : vector == kWake ? Came::Wake : Came::Device, vector);
}

}  // namespace

void run_handler(uint32_t vector) {
  if (vector < kFirstDevice || vector >= kTimer) return;
  const Handler handler = handlers[vector - kFirstDevice];
  if (handler.call) handler.call(handler.argument);
}

unsigned take_vector(Raiser, void (*handler)(void*), void* argument) {
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
  r.pc = static_cast<uintptr_t>(resume_at(r.pc));
  if (r.vector == kNmi) return bare_pass_by();
  if (r.vector == kPageFault) return page_fault(r);
  if (r.vector >= 32) return r.vector == kSpurious ? void() : interrupt(static_cast<unsigned>(r.vector));
  end_by_exception(r.vector < sizeof kNames / sizeof *kNames ? kNames[r.vector] : "exception", r);
}
