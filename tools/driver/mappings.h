#pragma once
// A driver's pages in programs' memory.

#include "request.h"

namespace kmem::driver_host {

/// Does mmap() of the driver's file for the thread of the request, and has answered it.  False: nothing is done and nothing
/// answered; `*error` says why.
bool map_file(const Request& request, int listener, int driver, long* error);
/// The program unmaps this: mappings that lie in it end.
void note_unmapped(const Request& request);
/// Mappings of processes that have ended.  True: there were some.
bool forget_ended();
bool are_any_mapped();

}  // namespace kmem::driver_host
