#pragma once
// Opens and closes the fast paths by the limits that they compare with.

#include "boot/command_line.h"
#include "slab/slab_world.h"

namespace kmem {

struct System;

/// Do the boot words require that every allocation and free takes the slow path?
bool needs_every_call(const BootOptions& options);
/// Sets the fast paths' addresses and limits by the boot words, and starts fault injection. Once, at the end of boot.
void open_fast_paths(System& system);
/// The page allocator's lists have closed or opened again.
void set_page_lists(System& system);
#ifdef KMEM_SIM
void forget_fast_paths();
#endif

}  // namespace kmem
