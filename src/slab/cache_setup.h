#pragma once
// The parameters of a new cache.

#include "page/gfp.h"
#include "slab/cache_flags.h"

namespace kmem {

class Cache;

/// Constructor and destructor of objects.
enum class HookCall : uint8_t { Construct, Destroy };
using ObjectHook = void (*)(void* object, Cache* cache, HookCall call);
/// Checks a constructed object when it is freed, and repairs it if it is not as constructed.
using VerifyHook = void (*)(void* object, Cache* cache);
/// The user's function; only the hook knows its type.
using UserHook = void (*)();

struct CacheSetup {
  /// The largest object, its alignment included: it fills the largest block.
  static constexpr uint64_t kLargestObject = kPageSize << kMaxOrder;

  const char* name = "";
  uint32_t object_size = 0;
  uint32_t align = 8;
  uint32_t flags = 0;
  Gfp gfp = 0;  // zone bits for the allocation of slabs
  ObjectHook hook = nullptr;
  UserHook user_hooks[2] = {};  // the user's functions, for the hook
  VerifyHook verify = nullptr;  // run over each object that is freed
  uint32_t sheaf_capacity = 0;  // most objects of a sheaf; 0: as many as fit
  bool frugal = false;          // small slabs: few objects are expected
  bool no_fast_path = false;    // every allocation and free takes the slow path
  bool no_reap = false;         // not shrunk by reclaim (SLAB_NO_REAP)
  bool keeps_slabs = false;     // slabs are released only after a grace period (SLAB_TYPESAFE_BY_RCU)

  /// May an object lie on a guarded page, outside of slabs? Not if RCU readers may access it after the free.
  bool may_be_guarded() const { return !keeps_slabs && !gfp && !(flags & cache_flag::kSkipKfence); }
};

}  // namespace kmem
