#pragma once
#include "page/gfp.h"

namespace kmem {

/// "kmalloc: allocation failure": the request, the flags by name, a call trace and the free memory by zone. Rate-limited;
/// __GFP_NOWARN suppresses it.
[[gnu::cold]] void report_failure(const char* what, size_t bytes, Gfp gfp);

}  // namespace kmem
