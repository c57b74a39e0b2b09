#pragma once
// How the caller's context changes the flags of its request.

#include "page/gfp.h"

namespace kmem {

/// The flags that this caller may use. Called once, where a call enters the slow path:
///
///   in a scope            memalloc_noio_save()        without __GFP_IO and __GFP_FS
///                         memalloc_nofs_save()        without __GFP_FS
///                         memalloc_noreclaim_save()   with __GFP_MEMALLOC, unless __GFP_NOMEMALLOC.  The task frees memory
///                                                     and must not reclaim: see may_reclaim().
///   where it must not     __GFP_DIRECT_RECLAIM is a mistake: reported once for each site, and served as GFP_ATOMIC.
///   sleep                 `who` is the function's name, `site` the address of the code that called it.
///
/// `site` null: for code that does not know its context (malloc); nothing is reported. Then only the declared context counts
/// here; may_reclaim() detects an undeclared interrupt.
Gfp effective_gfp(Gfp gfp, const void* site, const char* who = "an allocation");

/// The flags as the scopes alone change them: the kernel's current_gfp_context().
Gfp gfp_in_scopes(Gfp gfp);

/// May a caller that is about to reclaim, or to wait for memory, do so, with flags from effective_gfp()? Detects the
/// context (watch/context.h), which takes microseconds. Reports nothing.
bool may_reclaim(Gfp gfp);
/// The same for a caller that waits for something that it need not reclaim itself (a pool's element).
bool may_block(Gfp gfp);

}  // namespace kmem
