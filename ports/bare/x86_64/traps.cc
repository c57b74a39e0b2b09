// Interrupts and exceptions: restarts sequences, maps pages on demand, calls handlers, switches tasks; an unexpected one stops
// the machine with a report.

#include "bare.h"
#include "port/port.h"
#include "port/task.h"
#include "x86.h"

extern "C" {
void bare_trap(bare::SavedRegisters* registers);
void bare_pass_by();
extern const uint64_t bare_sequences[][2], bare_sequences_end[][2];
}

namespace bare {

bool (*caught_access)(const kmem::BadAccess& access) = nullptr;

const void* pc_of(const SavedRegisters* registers) { return reinterpret_cast<const void*>(registers->rip); }
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

unsigned nr_sequences() { return static_cast<unsigned>(bare_sequences_end - bare_sequences); }

void begin_sequence_again(SavedRegisters& r) {
  unsigned low = 0, high = nr_sequences();
  while (low < high) {
    const unsigned middle = (low + high) / 2;
    if (bare_sequences[middle][1] <= r.rip) low = middle + 1;
    else high = middle;
  }
  if (low == nr_sequences() || r.rip <= bare_sequences[low][0]) return;
  r.rip = bare_sequences[low][0];
  ++this_cpu().nr_restarts;
}

void show_registers(const SavedRegisters& r) {
  say("CPU %u, task %s, rip %016lx rflags %08lx error %lx\n", this_cpu_id(), task_name(), r.rip, r.rflags, r.error);
  say("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r.rax, r.rbx, r.rcx, r.rdx);
  say("rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", r.rsi, r.rdi, r.rbp, r.rsp);
  say("r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", r.r8, r.r9, r.r10, r.r11);
  say("r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", r.r12, r.r13, r.r14, r.r15);
}

void page_fault(SavedRegisters& r) {
  uint64_t at;
  asm volatile("movq %%cr2, %0" : "=r"(at));
  const bool write = r.error & 2;
  if (!(r.error & 0x18) && resolve_fault(at, write)) return;
  const kmem::BadAccess access{reinterpret_cast<const void*>(at), write, &r};
  if (caught_access && caught_access(access)) return;
  say("page fault: %s of %p\n", write ? "write" : r.error & 0x10 ? "execution" : "read", access.address);
  show_registers(r);
  show_trace(pc_of(&r), frame_of(&r));
  end_machine(kFatal);
}

/// Counts the interrupt in the interrupted task's preempt count, as in <linux/preempt.h>.
class InInterrupt {
 public:
  InInterrupt() : state_(*kmem_port_task()) {
    ++this_cpu().irq_depth;
    state_.preempt_count.poke(state_.preempt_count.peek() + kHardirq);
  }
  ~InInterrupt() {
    state_.preempt_count.poke(state_.preempt_count.peek() - kHardirq);
    --this_cpu().irq_depth;
  }
  InInterrupt(const InInterrupt&) = delete;
  InInterrupt& operator=(const InInterrupt&) = delete;

 private:
  static constexpr uint32_t kHardirq = 1 << 16;
  kmem::TaskState& state_;
};

void interrupt(unsigned vector) {
  {
    const InInterrupt here;
    if (vector == kTimer) tick();
    else if (vector != kWake) run_handler(vector);
    end_of_interrupt();
    if (vector == kTimer && on_tick) on_tick();
    if (vector == kTimer) next_local_timer();
  }
  Cpu& cpu = this_cpu();
  const kmem::TaskState& state = *kmem_port_task();
  if (cpu.must_schedule && !cpu.irq_depth && !state.preempt_count.peek()) schedule();
}

}  // namespace

void (*on_tick)() = nullptr;

void run_handler(unsigned vector) {
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

/// Needed because the linker puts them in the order of its inputs.
void sort_sequences() {
  auto* all = const_cast<uint64_t(*)[2]>(bare_sequences);
  for (unsigned i = 1; i < nr_sequences(); ++i)
    for (unsigned j = i; j && all[j][0] < all[j - 1][0]; --j) {
      const uint64_t start = all[j][0], end = all[j][1];
      all[j][0] = all[j - 1][0], all[j][1] = all[j - 1][1];
      all[j - 1][0] = start, all[j - 1][1] = end;
    }
}

}  // namespace bare

using namespace bare;

void bare_trap(SavedRegisters* registers) {
  SavedRegisters& r = *registers;
  begin_sequence_again(r);
  if (r.vector == kNmi) return bare_pass_by();
  if (r.vector == kPageFault) return page_fault(r);
  if (r.vector >= 32) return r.vector == kSpurious ? void() : interrupt(static_cast<unsigned>(r.vector));
  say("%s\n", r.vector < sizeof kNames / sizeof *kNames ? kNames[r.vector] : "exception");
  show_registers(r);
  show_trace(pc_of(&r), frame_of(&r));
  end_machine(kFatal);
}
