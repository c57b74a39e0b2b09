#pragma once
// The memory that is user space: this process's, or that of another process whose calls a tool forwards.

#include <kmem/driver.h>

namespace kmem_driver {

/// User space of the calling thread; null: this process.
const kmem_driver_user* user_of_caller();

}  // namespace kmem_driver
