#pragma once
// The poison in elements that a pool holds in reserve, so that a write to one is found.

namespace kmem {

class Mempool;
struct PoolWorld;

/// Fills an element that goes to the reserve, if it is known where its memory lies.
void poison(const PoolWorld& world, const Mempool& pool, void* element);
/// Was the cache that the elements come from made with SLAB_HARDENED?
bool is_hardened(const Mempool& pool);
/// Ends a report about an element.
void end_element_report(const Mempool& pool);
/// Reports if it was written to meanwhile.
void check_poison(const PoolWorld& world, const Mempool& pool, void* element);

}  // namespace kmem
