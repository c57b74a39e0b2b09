#pragma once
// Facet window: address space of vmap, separate from the frames.  Ranges are multiples of the host's page.

#include "base/types.h"

namespace kmem {
enum class Access : uint8_t { Read, ReadWrite };
/// May the host use huge pages for a range?
enum class WindowPages : uint8_t { Small, MayBeHuge };
enum class WindowUse : uint8_t { Idle, InUse };
}  // namespace kmem

extern "C" {

/// Chooses addresses that nothing uses, and that the host will not choose for others; a port that has no such place reserves
/// them. Null if there are none. Task context.
void* kmem_port_window_choose(size_t bytes, size_t align);
/// Reserves a part of them as kmem_port_window_reserve() does. Each part once, those at lower addresses first. False if
/// the host has no more addresses now, or somebody else uses them. Task context.
bool kmem_port_window_take(void* address, size_t bytes);
/// Reserves inaccessible address space, for kmem_port_window_open() and the functions below; kmem_port_window_release()
/// gives it back. Null if there is none.
void* kmem_port_window_reserve(size_t bytes, size_t align);
void kmem_port_window_release(void* address, size_t bytes);
/// Makes reserved addresses usable; they read as zero.
/// False if the host has no more mappings or memory; nothing has changed then.
bool kmem_port_window_open(void* address, size_t bytes, kmem::Access access, kmem::WindowPages pages);
/// Changes the access to pages that are open.
bool kmem_port_window_access(void* address, size_t bytes, kmem::Access access);
/// Discards the contents and makes the range inaccessible. False: the contents are discarded, but the range is still
/// accessible.
bool kmem_port_window_close(void* address, size_t bytes);
/// The same for a few pages within open ranges, without a separate mapping for each. False if the host has no such
/// function; nothing has changed then.
bool kmem_port_window_guard(void* address, size_t bytes);
/// Moves contents, or the pages that hold them, from one range to another; `from` reads as zero afterwards. In the
/// window `to` is reserved and becomes usable. False if the host refuses; nothing has moved then.
bool kmem_port_window_move(void* to, void* from, size_t bytes);
/// Maps the frames at `from`, in the direct map, at `to` too. False if the machine cannot (Machine::can_alias).
bool kmem_port_window_alias(void* to, void* from, size_t bytes, kmem::Access access);
/// Marks a range as unused or used again; nothing else changes. A port that can detect accesses to unused
/// memory uses this.
void kmem_port_window_mark(void* address, size_t bytes, kmem::WindowUse use);
}
