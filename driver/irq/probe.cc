// Which line does a device raise?

#include <linux/interrupt.h>

#include "irq/lines.h"

namespace {

using kmem_driver::Line;
using kmem_driver::Lines;

bool is_raised(const Line& line) { return line.raised || line.latched; }

/// Calls visit(irq, line) for each line without a handler.
template <typename Visit>
void each_unused(Visit visit) {
  Lines& all = kmem_driver::lines();
  kmem_driver::Quietly hold(all.lock);
  for (int irq = 1; irq < Lines::kNr; ++irq)
    if (Line* line = all.at(irq); line && !line->actions) visit(irq, *line);
}

}  // namespace

extern "C" {

unsigned long probe_irq_on() noexcept {
  unsigned long nr = 0;
  each_unused([&](int, Line& line) {
    line.latched = false;
    line.probed = !line.raised;
    nr += line.probed;
  });
  return nr;
}

int probe_irq_off(unsigned long) noexcept {
  int found = 0, nr = 0;
  each_unused([&](int irq, Line& line) {
    if (line.probed && is_raised(line) && !nr++) found = irq;
    line.probed = line.latched = false;
  });
  return nr > 1 ? -found : found;
}

unsigned int probe_irq_mask(unsigned long probed) noexcept { return (void)probe_irq_off(probed), 0; }

}  // extern "C"
