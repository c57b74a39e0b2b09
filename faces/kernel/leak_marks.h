#pragma once
#include "slab/leak_scan.h"

/// The marks that kmemleak_not_leak() and related functions have set on blocks, for a scan.
KMEM_HIDDEN const kmem::LeakMarks& leak_marks();
