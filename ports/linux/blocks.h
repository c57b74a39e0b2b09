#pragma once

namespace linux_port {

/// In the child of a fork: abandons idle ranges that another thread was changing.
void forget_idle_after_fork();

}  // namespace linux_port
