// On a bare machine an interrupt calls drivers' handlers: one that a CPU sends to itself when a line has changed. So no handler
// runs while its raiser holds a lock with interrupts off.

#include "bare.h"
#include "devices.h"
#include "irq/lines.h"
#include "lock/queued.h"
#include "port/port.h"

namespace kmem_driver {
namespace {

constinit unsigned guard_word = 0, vector = 0;

void serve_all(void*) {
  while (lines().serve_one()) {
  }
}

}  // namespace

void Lines::begin() {
  Guard hold(guard_word);
  if (vector) return;
  init_waitqueue_head(&threads_idle);
  vector = bare::take_vector(bare::Raiser::Self, serve_all, nullptr);
  if (!vector) BUG();
}

void Lines::changed() {
  if (vector) bare::interrupt_self(vector);
}

bool Lines::is_in_handler() const { return kmem_port_in_interrupt(); }

void Lines::rest() {}

}  // namespace kmem_driver
