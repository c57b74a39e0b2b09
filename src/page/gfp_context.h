#pragma once
// What the caller's context makes of the flags that it asked with.

#include "page/gfp.h"

namespace kmem {

/// The flags as this caller may use them, to be asked once where a call enters the slow path:
///
///   in a scope            memalloc_noio_save()        without __GFP_IO and __GFP_FS
///                         memalloc_nofs_save()        without __GFP_FS
///                         memalloc_noreclaim_save()   with __GFP_MEMALLOC, unless __GFP_NOMEMALLOC.  The task frees memory
///                                                     and must not reclaim: whoever reclaims asks may_reclaim().
///   where it may not      __GFP_DIRECT_RECLAIM is a mistake: reported once for each site, and served as GFP_ATOMIC.
///   sleep                 `who` is the function's name, `site` the address of the code that called it.
///
/// `site` null: of code that cannot know where it runs (malloc), nothing is reported.  What is declared counts then, and
/// whether it is an interrupt nevertheless is for may_reclaim() to find out.
Gfp effective_gfp(Gfp gfp, const void* site, const char* who = "an allocation");

/// What the scopes alone make of the flags: the kernel's current_gfp_context().
Gfp gfp_in_scopes(Gfp gfp);

/// For who is about to reclaim, or to wait for memory, with flags that effective_gfp() gave: may it?  The context is found
/// out (watch/context.h), which takes microseconds.  Says nothing.
bool may_reclaim(Gfp gfp);
/// For who is about to wait for something other than memory that it has to free itself (a pool's element).
bool may_block(Gfp gfp);

}  // namespace kmem
