#pragma once

namespace kmem {

struct System;

/// Builds all layers from System::machine and its boot words, from the bottom up; the fast paths stay closed.  False: the
/// machine has no room for kmem's tables.  Once, for boot().
bool assemble(System& system);

}  // namespace kmem
