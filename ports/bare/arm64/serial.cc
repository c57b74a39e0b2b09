// The console (PL011), polled; and the end of the machine.

#include "arm64.h"
#include "bare.h"

namespace bare {
namespace {

constexpr unsigned kData = 0x00, kFlags = 0x18, kLine = 0x2c, kControl = 0x30;
constexpr uint32_t kNothingCame = 1 << 4, kFull = 1 << 5;
bool started = false, ending = false;

volatile uint32_t& at(unsigned offset) { return register_at<uint32_t>(board.console.phys + offset); }

/// The rate stays as the firmware left it.
void start() {
  started = true;
  at(kLine) = 0x70;      // 8 bits, with buffers
  at(kControl) = 0x301;  // on, both ways
}

/// SYS_EXIT: QEMU's exit status is the machine's, with -semihosting.
void leave_by_semihosting(int status) {
  const uint64_t block[] = {0x20026, static_cast<uint64_t>(status)};
  register uint64_t operation asm("x0") = 0x18;
  register const uint64_t* argument asm("x1") = block;
  asm volatile("hlt #0xf000" : "+r"(operation) : "r"(argument) : "memory");
}

}  // namespace

void put_char(char c) {
  if (!board.console.bytes) return;
  if (!started) start();
  for (int i = 0; i < 100000 && (at(kFlags) & kFull); ++i) relax();
  at(kData) = static_cast<uint8_t>(c);
}

int take_char() { return !board.console.bytes || (at(kFlags) & kNothingCame) ? -1 : static_cast<int>(at(kData) & 0xff); }

/// Firmware can only switch the machine off: where nobody takes the status, the console has it.
void end_machine(int status) {
  (void)irq_save();
  ending = true;
  leave_by_semihosting(status);
  say("the machine ends with status %d\n", status);
  call_psci(Psci::SystemOff);
  for (;;) asm volatile("wfi");
}

bool skip_semihosting(SavedRegisters& registers) {
  if (!ending) return false;
  registers.pc += 4;
  return true;
}

}  // namespace bare
