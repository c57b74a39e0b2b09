#pragma once
// Mistakes of the driver that printk() reports; WARN() and BUG() are counted by kmem itself.

namespace kmem_driver {
/// In front of each such report.  Any context.
void count_mistake();
}  // namespace kmem_driver
