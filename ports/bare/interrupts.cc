// What interrupts and exceptions come to, whatever the processor: restarts sequences, maps pages on demand, calls handlers,
// switches tasks; an unexpected exception stops the machine with a report.

#include "bare.h"
#include "port/port.h"
#include "port/task.h"

extern "C" const uint64_t bare_sequences[][2], bare_sequences_end[][2];

namespace bare {

bool (*caught_access)(const kmem::BadAccess& access) = nullptr;
const void* (*mends_access)(const kmem::BadAccess& access) = nullptr;
void (*on_tick)() = nullptr;

namespace {

unsigned nr_sequences() { return static_cast<unsigned>(bare_sequences_end - bare_sequences); }

/// Counts the interrupt in the interrupted task's preempt count, as in <linux/preempt.h>.
class InInterrupt {
 public:
  InInterrupt() : state_(*kmem_port_task()) { state_.preempt_count.poke(state_.preempt_count.peek() + kHardirq); }
  ~InInterrupt() { state_.preempt_count.poke(state_.preempt_count.peek() - kHardirq); }
  InInterrupt(const InInterrupt&) = delete;
  InInterrupt& operator=(const InInterrupt&) = delete;

 private:
  static constexpr uint32_t kHardirq = 1 << 16;
  kmem::TaskState& state_;
};

constexpr const char* text_of(AccessKind kind) {
  return kind == AccessKind::Write ? "write" : kind == AccessKind::Code ? "execution" : "read";
}

[[noreturn]] void end_with_registers(const SavedRegisters& registers) {
  show_registers(registers);
  show_trace(pc_of(&registers), frame_of(&registers));
  end_machine(kFatal);
}

}  // namespace

/// By a binary search. A sequence that has not begun, or is over, need not begin again.
uint64_t resume_at(uint64_t pc) {
  unsigned low = 0, high = nr_sequences();
  while (low < high) {
    const unsigned middle = (low + high) / 2;
    if (bare_sequences[middle][1] <= pc) low = middle + 1;
    else high = middle;
  }
  if (low == nr_sequences() || pc <= bare_sequences[low][0]) return pc;
  ++this_cpu().nr_restarts;
  return bare_sequences[low][0];
}

void sort_sequences() {
  auto* all = const_cast<uint64_t(*)[2]>(bare_sequences);
  for (unsigned i = 1; i < nr_sequences(); ++i)
    for (unsigned j = i; j && all[j][0] < all[j - 1][0]; --j) {
      const uint64_t start = all[j][0], end = all[j][1];
      all[j][0] = all[j - 1][0], all[j][1] = all[j - 1][1];
      all[j - 1][0] = start, all[j - 1][1] = end;
    }
}

void handle_page_fault(uint64_t at, AccessKind kind, bool may_come, SavedRegisters& registers) {
  const bool write = kind == AccessKind::Write;
  if (may_come && resolve_fault(at, write)) return;
  const kmem::BadAccess access{reinterpret_cast<const void*>(at), write, &registers};
  if (const void* pc = mends_access ? mends_access(access) : nullptr) return go_on_at(registers, pc);
  if (caught_access && caught_access(access)) return;
  say("page fault: %s of %p\n", text_of(kind), access.address);
  end_with_registers(registers);
}

void end_by_exception(const char* what, const SavedRegisters& registers) {
  say("%s\n", what);
  end_with_registers(registers);
}

void handle_interrupt(Came what, uint32_t number) {
  {
    const InInterrupt here;
    if (what == Came::Timer) tick();
    if (what == Came::Device) run_handler(number);
    end_of_interrupt(number);
    if (what == Came::Timer && on_tick) on_tick();
    if (what == Came::Timer) next_local_timer();
  }
  if (this_cpu().must_schedule && !kmem_port_task()->preempt_count.peek()) schedule();
}

}  // namespace bare
