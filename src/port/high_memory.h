#pragma once
// Facet memory, for a machine with more memory than addresses: frames from number Machine::nr_addressed on have no address, and
// are seen where these functions show them.  On other machines none of them is called.  Any context.

#include "base/types.h"
#include "port/memory.h"
#include "port/window.h"

namespace kmem {
/// Result of kmem_port_frame_at() if no frame is shown there.
inline constexpr uint64_t kNoFrame = ~uint64_t{0};
}  // namespace kmem

extern "C" {

/// As kmem_port_online(), for frames without an address.
kmem::Online kmem_port_online_high(uint64_t pfn, uint64_t nr);
void kmem_port_clear_high(uint64_t pfn, uint64_t nr);
/// Shows a frame until kmem_port_hide_frame() has been called as often. All callers see it at the same address. Null: as many
/// frames as possible are shown now.
void* kmem_port_show_frame(uint64_t pfn);
/// Its address may be used for another frame from now on.
void kmem_port_hide_frame(uint64_t pfn);
/// Where the frame is shown; null: nowhere.
void* kmem_port_shown_at(uint64_t pfn);
/// The frame that is shown at the page of an address; kNoFrame for none.
uint64_t kmem_port_frame_at(const void* address);
/// As kmem_port_window_alias(), for frames without an address.
bool kmem_port_window_alias_high(void* to, uint64_t pfn, size_t bytes, kmem::Access access);
}
