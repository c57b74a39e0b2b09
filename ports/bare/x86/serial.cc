// The first serial port (16550), polled; and QEMU's device for exit with a status.

#include "bare.h"
#include "x86/x86.h"

namespace bare {
namespace {
constexpr uint16_t kPort = 0x3f8;
bool started = false;

void start() {
  started = true;
  out8(kPort + 1, 0);
  out8(kPort + 3, 0x80);
  out8(kPort, 1);
  out8(kPort + 1, 0);
  out8(kPort + 3, 3);
  out8(kPort + 2, 0xc7);
  out8(kPort + 4, 3);
}
}  // namespace

void put_char(char c) {
  if (!started) start();
  for (int i = 0; i < 100000 && !(in8(kPort + 5) & 0x20); ++i) relax();
  out8(kPort, static_cast<uint8_t>(c));
}

int take_char() { return in8(kPort + 5) & 1 ? in8(kPort) : -1; }

/// QEMU's isa-debug-exit: QEMU's exit status is 2 * status + 1.
void end_machine(int status) {
  asm volatile("cli");
  out32(0xf4, static_cast<uint32_t>(status));
  for (;;) asm volatile("hlt");
}

}  // namespace bare
