#pragma once
// The memory of xarrays' nodes.

namespace kmem_driver {
/// Makes their cache, once.  An array may be used for the first time under a spin lock, where no cache can be made; so this is
/// called before a driver runs.  Task context.
void prepare_xarrays();
}  // namespace kmem_driver
