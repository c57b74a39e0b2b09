#pragma once
// The boot words of fault injection:
//
//   failslab=INTERVAL,PROBABILITY,SPACE,TIMES[,NAME=VALUE]...      the kernel's four, then its attributes by name
//   fail_page_alloc=...                                            the same for pages
//   fail_function=FUNCTION,INTERVAL,...                            the same for any other point, by its function's name
//   fail_nth=N[,once|forever][,record=FILE][,verbose=0|1|2]        the n-th point of the program
//
// The attributes: docs/fault-injection.md.

#include "boot/command_line.h"

namespace kmem {

/// Is it one of the names above?
bool is_fault_word(Slice name);
/// Reads the word into `options`.  False, and nothing changed, if it is malformed.
bool parse_fault_word(const BootWord& word, FaultOptions& options);

}  // namespace kmem
