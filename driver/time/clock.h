#pragma once
// The clock for all waiting in libkmem-driver: the host's, or a virtual one.
//
// Virtual time does not advance while any task runs. When all tasks sleep it advances to the next deadline in one step.

namespace kmem_driver {

/// Nanoseconds since some moment before the program began.
unsigned long long clock_ns();
/// The same for code that may poll the clock: virtual time advances a little at each call.
unsigned long long clock_ns_asked();
bool time_is_virtual();
/// A task fell asleep, was woken, began or ended.
void clock_look();
/// Advances virtual time by `ns`. With real time the caller spins for so long.
void clock_spend(unsigned long long ns);

}  // namespace kmem_driver
