// To which inputs PCI's pins are wired. The firmware says it in a language of its own (ACPI's AML), which is not read here;
// instead the chip sets are known that QEMU has: i440FX with PIIX3, and Q35 with ICH9.

#include "bare.h"
#include "x86/x86.h"

namespace bare {

namespace {

constexpr uint16_t kIntel = 0x8086, kI440fx = 0x1237, kPiix3 = 0x7000, kQ35 = 0x29c0, kIch9 = 0x2918;
constexpr uint32_t kNotRouted = 0x80;

/// PIIX3 has four wires, shifted by one from slot to slot; each goes to the old interrupt that a register has.
unsigned piix3_input(const PciFunction& piix, unsigned slot, unsigned pin) {
  const unsigned wire = (pin + slot + 3) % 4;
  const uint32_t route = read_pci(piix, 0x60 + wire, 1);
  return route & kNotRouted ? kNoInput : io_apics.of_old[route & 15].input;
}

/// Which of its wires the pins of ICH9's own slots have, four bits each; 0x3210 where the registers are not to be seen.
uint32_t ich9_wires(const PciFunction& ich9, unsigned slot) {
  constexpr uint16_t kOffsets[] = {0x3150, 0x314c, 0x3148, 0x3146, 0x3144, 0x3142, 0x3140};  // of slots 25 to 31
  const uint32_t base = read_pci(ich9, 0xf0, 4);
  auto* wires = static_cast<volatile uint16_t*>(base & 1 ? map_fixed((base & 0xffffc000) + kOffsets[slot - 25]) : nullptr);
  return wires ? *wires : 0x3210;
}

/// ICH9 has eight wires, which go to the inputs from 16 on.  The slots of the board, and the one of its PCI bridge, share the
/// last four.
unsigned ich9_input(const PciFunction& ich9, unsigned slot, unsigned pin) {
  constexpr unsigned kFirst = 16, kOwnSlots = 25, kBridge = 30;
  if (slot == kBridge) return kFirst + 4 + pin;
  if (slot < kOwnSlots) return kFirst + 4 + (pin + slot) % 4;
  return kFirst + (ich9_wires(ich9, slot) >> 4 * pin & 7);
}

}  // namespace

unsigned input_of_pin(uint16_t where, unsigned pin) {
  const unsigned slot = where >> 3 & 31;
  const PciFunction* south = find_pci(kIntel, kPiix3);
  if (south && find_pci(kIntel, kI440fx)) return piix3_input(*south, slot, pin);
  south = find_pci(kIntel, kIch9);
  return south && find_pci(kIntel, kQ35) ? ich9_input(*south, slot, pin) : kNoInput;
}

}  // namespace bare
