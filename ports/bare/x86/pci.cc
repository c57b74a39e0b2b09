// PCI by the two configuration ports that every machine has; the firmware gives addresses, a message goes to a local APIC.

#include "bare.h"
#include "x86/x86.h"

namespace bare {

namespace {

SpinLock ports;
constexpr uint16_t kAddress = 0xcf8, kData = 0xcfc;

void aim(uint16_t where, unsigned offset) { out32(kAddress, 0x80000000u | uint32_t{where} << 8 | (offset & 0xfc)); }

}  // namespace

unsigned nr_buses() { return 4; }

uint32_t read_config(uint16_t where, unsigned offset) {
  const Locked locked(ports);
  aim(where, offset);
  return in32(kData);
}
void write_config(uint16_t where, unsigned offset, unsigned bytes, uint32_t value) {
  const Locked locked(ports);
  aim(where, offset);
  const auto port = static_cast<uint16_t>(kData + (offset & 3));
  if (bytes == 1) out8(port, static_cast<uint8_t>(value));
  else if (bytes == 2) out16(port, static_cast<uint16_t>(value));
  else out32(port, value);
}

PciPlace place_registers(uint64_t) { return {}; }
PciMessage message_of(unsigned vector) { return {0xfee00000 | cpus[0].hardware_id << 12, vector}; }

}  // namespace bare
