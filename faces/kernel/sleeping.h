#pragma once
// The check at the start of every API function that may sleep.  tests/contact/kernel_code/contexts.h has the list of all
// functions with their contexts, and calls each of them in a context that must not sleep.

#include "page/gfp_context.h"
#include "watch/context.h"

/// Reports a caller that may not sleep, once for each call site. The call is carried out nevertheless.
#define KMEM_MIGHT_SLEEP() kmem::check_sleep(__func__, __builtin_return_address(0))
/// The flags that the caller may use in its context: effective_gfp(). For functions that pass their flags on, so that the
/// functions they call do not report again.
#define KMEM_GFP_HERE(flags) kmem::effective_gfp(flags, __builtin_return_address(0), __func__)
