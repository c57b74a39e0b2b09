#pragma once
#include "page/gfp.h"

namespace kmem {

/// "GFP_KERNEL|__GFP_ZERO" into `out`, cut to fit.
void name_flags(Gfp gfp, char* out, size_t bytes);

/// The same as a value, for a report's line.
struct FlagNames {
  explicit FlagNames(Gfp gfp) { name_flags(gfp, text, sizeof text); }
  char text[192];
};

}  // namespace kmem
