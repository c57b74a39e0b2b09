#pragma once
// How many reports have complained so far.

#include <stdint.h>

namespace kmem {
/// Those that a rate limit held back count too.  Any context.
uint64_t nr_reports();
}  // namespace kmem
