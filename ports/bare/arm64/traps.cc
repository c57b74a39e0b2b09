// Interrupts and exceptions of arm64: which of them mean what.

#include "arm64.h"
#include "bare.h"
#include "devices.h"

extern "C" {
void bare_trap(bare::SavedRegisters* registers);
[[noreturn]] void bare_no_stack(uint64_t pc, uint64_t at, uint64_t sp, uint64_t frame);
}

namespace bare {

const void* pc_of(const SavedRegisters* registers) { return reinterpret_cast<const void*>(registers->pc); }
void go_on_at(SavedRegisters& registers, const void* pc) { registers.pc = reinterpret_cast<uint64_t>(pc); }
const void* frame_of(const SavedRegisters* registers) { return reinterpret_cast<const void*>(registers->x[29]); }

namespace {

enum Kind : uint64_t { kException = 0, kInterrupt = 1 };
/// Classes of exceptions, in bits 26 to 31 of the syndrome.
enum Class : uint64_t { kUndefined = 0x00, kCode = 0x21, kPc = 0x22, kData = 0x25, kStackPointer = 0x26, kBreak = 0x3c };

constexpr const char* text_of(uint64_t cls) {
  return cls == kUndefined      ? "undefined instruction"
         : cls == kPc           ? "misaligned program counter"
         : cls == kStackPointer ? "misaligned stack pointer"
         : cls == kBreak        ? "breakpoint"
                                : "exception";
}

/// Faults of translation (4 to 7) and of permission (12 to 15) may be resolved.
void access_fault(SavedRegisters& r, bool code) {
  const uint64_t why = r.esr & 0x3c;
  const AccessKind kind = code ? AccessKind::Code : r.esr & 1 << 6 ? AccessKind::Write : AccessKind::Read;
  if (why == 4 || why == 8 || why == 12) return handle_page_fault(r.far, kind, !code, r);
  end_by_exception((r.esr & 0x3f) == 0x21 ? "misaligned access" : "error of memory", r);
}

void exception(SavedRegisters& r) {
  const uint64_t cls = r.esr >> 26 & 0x3f;
  if (cls == kData || cls == kCode) return access_fault(r, cls == kCode);
  if (cls == kUndefined && skip_semihosting(r)) return;
  end_by_exception(text_of(cls), r);
}

void interrupt() {
  const uint32_t taken = take_interrupt(), number = number_of(taken);
  if (number >= kNone && number < 1024) return;
  if (number == kPassBy) {
    end_of_interrupt(taken);
    return answer_pass_by();
  }
  handle_interrupt(number == board.timer ? Came::Timer : Came::Device, taken);
}

struct Handler {
  void (*call)(void*) = nullptr;
  void* argument = nullptr;
};
/// The first of a CPU's own interrupts, which it may send to itself (from 8 on they may be another world's); and messages.
constexpr uint32_t kNrOwn = 8, kMostMessages = 64;
Handler own_handlers[kNrOwn], message_handlers[kMostMessages];
uint32_t first_message = 0, nr_messages = 0;
constexpr uint32_t kMostInputs = 32;
struct Input {
  uint32_t number;
  Handler handler;
};
Input inputs[kMostInputs];
uint32_t nr_inputs = 0;
SpinLock handlers_lock;

/// Null: nobody can ask for it.
Handler* handler_of(uint32_t number) {
  if (number < kNrOwn) return &own_handlers[number];
  if (number - first_message < nr_messages) return &message_handlers[number - first_message];
  for (uint32_t i = 0; i < nr_inputs; ++i)
    if (inputs[i].number == number) return &inputs[i].handler;
  return nullptr;
}

}  // namespace

bool take_input(unsigned input, void (*call)(void*), void* argument) {
  const Locked locked(handlers_lock);
  if (nr_inputs == kMostInputs || handler_of(input)) return false;
  for (uint32_t i = 0; i < board.nr_wires; ++i)
    if (board.wires[i].interrupt == input) {
      aim_shared(input, board.wires[i].is_level);
      inputs[nr_inputs++] = {input, {call, argument}};
      return true;
    }
  return false;
}
void open_input(unsigned input) { enable_shared(input, true); }

/// An input is masked until its devices were served, so that it does not come again at once.
static bool is_input(uint32_t number) { return number >= kNrOwn && number - first_message >= nr_messages; }

void run_handler(uint32_t taken) {
  const Handler* handler = handler_of(number_of(taken));
  if (!handler || !handler->call) return say("interrupt %u, which nobody has asked for\n", number_of(taken));
  if (is_input(number_of(taken))) enable_shared(number_of(taken), false);
  handler->call(handler->argument);
}

void set_message_interrupts(uint32_t first, uint32_t nr) {
  first_message = first;
  nr_messages = nr < kMostMessages ? nr : kMostMessages;
}

unsigned take_vector(Raiser raiser, void (*call)(void*), void* argument) {
  const Locked locked(handlers_lock);
  const bool own = raiser == Raiser::Self;
  const uint32_t from = own ? kPassBy + 1 : first_message, end = own ? kNrOwn : first_message + nr_messages;
  for (uint32_t number = from; number < end; ++number) {
    Handler& handler = *handler_of(number);
    if (handler.call) continue;
    handler = {call, argument};
    if (!own) aim_shared(number, false), enable_shared(number, true);
    return number;
  }
  return 0;
}

void give_vector(unsigned vector) {
  const Locked locked(handlers_lock);
  if (vector >= kNrOwn) enable_shared(vector, false);
  *handler_of(vector) = {};
}

void interrupt_self(unsigned vector) {
  const uint64_t flags = irq_save();
  interrupt_cpu(this_cpu_id(), vector);
  irq_restore(flags);
}

void show_registers(const SavedRegisters& r) {
  say("CPU %u, task %s, pc %016jx pstate %08jx esr %jx far %016jx\n", this_cpu_id(), task_name(), r.pc, r.pstate, r.esr, r.far);
  for (unsigned i = 0; i < 28; i += 4)
    say("x%-2u %016jx x%-2u %016jx x%-2u %016jx x%-2u %016jx\n", i, r.x[i], i + 1, r.x[i + 1], i + 2, r.x[i + 2], i + 3,
        r.x[i + 3]);
  say("x28 %016jx x29 %016jx x30 %016jx sp  %016jx\n", r.x[28], r.x[29], r.x[30], r.sp);
}

}  // namespace bare

using namespace bare;

void bare_trap(SavedRegisters* registers) {
  SavedRegisters& r = *registers;
  r.pc = resume_at(r.pc);
  if (r.kind == kInterrupt) return interrupt();
  if (r.kind == kException) return exception(r);
  end_by_exception("error of the system", r);
}

/// There is no room to save the registers of the task.
void bare_no_stack(uint64_t pc, uint64_t at, uint64_t sp, uint64_t frame) {
  say("stack overflow: CPU %u, task %s, write of %016jx, pc %016jx sp %016jx\n", this_cpu_id(), task_name(), at, pc, sp);
  show_trace(reinterpret_cast<const void*>(pc), reinterpret_cast<const void*>(frame));
  end_machine(kFatal);
}
