#pragma once
// Default definitions of port functions for machines without the feature. Weak, so that a port, or the kernel that it is linked
// into, may define some of them itself.
#define KMEM_DEFAULT __attribute__((weak))
