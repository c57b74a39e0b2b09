#pragma once
#include <stddef.h>

namespace sim_port {

/// For power_on(): forgets all mapped pages of the window.
void forget_window();
size_t nr_window_pages();
/// Pages of the window that were discarded may be opened again.
void discarded_in_window(void* address, size_t bytes);

}  // namespace sim_port
