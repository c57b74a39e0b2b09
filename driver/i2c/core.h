#pragma once
// What the files of two-wire buses share.

#include <linux/i2c.h>

namespace kmem_driver::i2c {

/// Looks for chips of a driver that wants to find them by itself, on one adapter.
void detect(i2c_adapter* adapter, i2c_driver* driver);
/// Unregisters the chips that it has found.
void forget_detected(i2c_driver* driver);
/// 0; -EBUSY: a client of the bus has this address.
int is_free(i2c_adapter* adapter, unsigned address);
/// Addresses that a chip may have; those below 8 and above 0x77 are the bus's own.
inline bool is_address(unsigned address) { return address >= 0x08 && address <= 0x77; }
/// Calls f(adapter) for each adapter, with a reference.
void for_each_adapter(void (*f)(i2c_adapter* adapter, void* data), void* data);

}  // namespace kmem_driver::i2c
