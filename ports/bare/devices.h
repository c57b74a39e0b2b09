#pragma once
// Devices' interrupts, and PCI.

#include "base/types.h"

namespace bare {

/// Who raises an interrupt.
enum class Raiser : uint8_t { Self, Message, Pin };
/// Registers a handler, which runs in an interrupt; returns the vector, or 0 if all are in use.
unsigned take_vector(Raiser raiser, void (*handler)(void*), void* argument);
void give_vector(unsigned vector);
/// Interrupts the calling CPU with that vector, as soon as its interrupts are on.
void interrupt_self(unsigned vector);

/// Devices' pins are wired to inputs of the interrupt controller. Several may share one, which is held as long as one of them
/// holds its pin, and interrupts the first CPU.
inline constexpr unsigned kNoInput = ~0u;
/// Registers an input's handler, for ever.  The input is masked from the start, and again whenever it has interrupted, until
/// open_input().  False: there is no such input, or all vectors are in use.
bool take_input(unsigned input, void (*handler)(void*), void* argument);
/// Any context.
void open_input(unsigned input);

struct PciBar {
  uint64_t phys = 0, bytes = 0;  // of I/O ports: the first one, and how many
  uint32_t kind = 0;             // the low bits of its register: 1 ports, 4 two registers, 8 prefetchable
};
struct PciFunction {
  uint16_t where = 0, vendor = 0, device = 0;  // bus << 8 | slot << 3 | function
  bool is_bridge = false;
  PciBar bars[6];
};
void scan_pci();
unsigned nr_pci();
const PciFunction& pci_function(unsigned n);
/// Null if there is none.
const PciFunction* find_pci(uint16_t vendor, uint16_t device);
/// `bytes` is 1, 2 or 4, and `offset` a multiple of it.
uint32_t read_pci(const PciFunction& f, unsigned offset, unsigned bytes);
void write_pci(const PciFunction& f, unsigned offset, unsigned bytes, uint32_t value);
/// Can messages be delivered here?  Not where the boot word pci=nomsi forbids them, or a test does.
bool has_messages();
void forbid_messages(bool on);
/// Aims the function's message interrupt, which is not enabled by this, at the vector on the first CPU. False: it has none.
bool aim_message(const PciFunction& f, unsigned vector);
/// The input to which the function's pin is wired; kNoInput: it has no pin, or it is not known.
unsigned input_of(const PciFunction& f);

// Defined by each processor's folder, besides vectors -------------------------------------------------------------------------

#ifdef __aarch64__
inline constexpr bool kHasPorts = false;  // I/O ports
#else
inline constexpr bool kHasPorts = true;
#endif
/// The buses that may exist; 0: there is no PCI.
unsigned nr_buses();
/// A whole word, and 1, 2 or 4 bytes.
uint32_t read_config(uint16_t where, unsigned offset);
void write_config(uint16_t where, unsigned offset, unsigned bytes, uint32_t value);
struct PciPlace {
  uint64_t on_bus = 0, phys = 0;
};
/// Addresses for registers that have none, aligned to their size; {}: there are none, or the firmware gives them.
PciPlace place_registers(uint64_t bytes);
struct PciMessage {
  uint64_t address = 0;  // 0: there are no messages
  uint32_t data = 0;
};
PciMessage message_of(unsigned vector);
/// The input of a pin (0 to 3) of a place on bus 0; kNoInput: it is not known.
unsigned input_of_pin(uint16_t where, unsigned pin);

}  // namespace bare
