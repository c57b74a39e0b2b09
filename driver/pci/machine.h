#pragma once
// What the PCI bus asks of the machine. The functions of a process are simulated (pci/simulated/); those of a bare machine are
// what it has (ports/bare/driver/pci.cc).

#include "pci/function.h"

namespace kmem_driver::pci {

/// Puts the functions on the bus that the machine has from the start. Called once, when the bus is there.
void find_functions();

/// `bytes` is 1, 2 or 4, and `where` a multiple of it. With the function's lock held where a value depends on an earlier one.
u32 read_config(const Function& f, int where, int bytes);
void write_config(Function& f, int where, int bytes, u32 value);

enum class Messages { Msi, MsiX };
/// How many messages of the kind the function has, and the machine can deliver; 0: none.
int nr_messages(const Function& f, Messages kind);
/// Makes the first `n` messages raise the lines f.vectors, before they are enabled. 0 or -errno.
int connect_messages(Function& f, int n);
/// They are disabled, and the lines will be freed.
void disconnect_messages(Function& f, int n);

}  // namespace kmem_driver::pci
