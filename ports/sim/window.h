#pragma once
#include <stddef.h>

namespace sim_port {

/// For power_on(): no page of the window is mapped any more.
void forget_window();
size_t nr_window_pages();

}  // namespace sim_port
