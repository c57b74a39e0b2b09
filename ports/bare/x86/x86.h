#pragma once
// Instructions and registers of x86 for which C++ has no operations.

#include "base/types.h"
#include "devices.h"

#ifdef __i386__
#include "i386/registers.h"
#else
#include "x86_64/registers.h"
#endif

namespace bare {

inline void out8(uint16_t port, uint8_t value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
inline void out16(uint16_t port, uint16_t value) { asm volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
inline void out32(uint16_t port, uint32_t value) { asm volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
inline uint8_t in8(uint16_t port) {
  uint8_t value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
inline uint16_t in16(uint16_t port) {
  uint16_t value;
  asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
inline uint32_t in32(uint16_t port) {
  uint32_t value;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
inline uint64_t read_msr(uint32_t msr) {
  uint32_t low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
  return uint64_t{high} << 32 | low;
}
inline void write_msr(uint32_t msr, uint64_t value) {
  asm volatile("wrmsr" : : "a"(static_cast<uint32_t>(value)), "d"(static_cast<uint32_t>(value >> 32)), "c"(msr) : "memory");
}

// Vectors
inline constexpr unsigned kNmi = 2, kDoubleFault = 8, kPageFault = 14, kFirstDevice = 0x30, kTimer = 0xe0, kWake = 0xe1,
                          kSpurious = 0xff;

extern uint64_t rsdp;  // where ACPI's tables begin; 0: they are searched
void read_acpi();

/// What ACPI says of the controllers of devices' interrupts (MADT).
struct IoApics {
  static constexpr unsigned kMost = 8;
  struct One {
    uint32_t phys, first;  // the number of its first input
  };
  struct Old {
    uint32_t input;
    uint16_t flags;  // polarity and trigger
  };
  One all[kMost] = {};
  unsigned nr = 0;
  Old of_old[16] = {{0, 0}, {1, 0}, {2, 0},  {3, 0},  {4, 0},  {5, 0},  {6, 0},  {7, 0},
                    {8, 0}, {9, 0}, {10, 0}, {11, 0}, {12, 0}, {13, 0}, {14, 0}, {15, 0}};
};
extern IoApics io_apics;
/// Finds their registers, once.
void init_io_apics();
/// Registers, within a page, of devices that the firmware's tables or a chip set name; null: no frames for the page tables.
volatile void* map_fixed(uint64_t phys);
void send_ipi(uint32_t hardware_id, unsigned vector);
/// Of the calling CPU, which is the id-th: segments, interrupt table, and the way to its data.
void load_tables(uint32_t id);

}  // namespace bare
