#pragma once
// Registers of arm64, and what the files of this folder share.

#include "base/types.h"
#include "layout.h"

#define BARE_READ(name)                           \
  ({                                              \
    uint64_t value;                               \
    asm volatile("mrs %0, " #name : "=r"(value)); \
    value;                                        \
  })
#define BARE_WRITE(name, value) asm volatile("msr " #name ", %0" : : "r"(uint64_t{value}) : "memory")

namespace bare {

/// What interrupts.S saves on the stack.
struct SavedRegisters {
  uint64_t x[31], sp, pc, pstate, esr, far, kind, reserved;
  unsigned __int128 vectors[32];
  uint64_t fpsr, fpcr;
};
static_assert(sizeof(SavedRegisters) == BARE_FRAME);

/// What the tree says besides bare::firmware.
struct Registers {
  uint64_t phys = 0, bytes = 0;
};
struct Board {
  Registers console;                                     // a PL011
  Registers distributor, redistributors, cpu_interface;  // of the interrupt controller: version 3 has the second, 2 the third
  bool is_gic3 = false;
  uint32_t timer = 27;  // the interrupt of the virtual timer
  bool has_psci = false, psci_by_smc = false;
  Registers pci_config, pci_memory;  // configuration space, by buses of 1 MiB; where the processor sees the bus's memory
  uint64_t pci_on_bus = 0;           // and where the bus sees it
  Registers messages;                // the frame of a GICv2m
  // How PCI's pins are wired. Masks: the bits of a place (bus << 16 | slot << 11 | function << 8) and of a pin (from 1 on) that
  // matter.
  struct Wire {
    uint32_t place, pin, interrupt;
    bool is_level;
  };
  static constexpr unsigned kMostWires = 128;
  uint32_t place_mask = 0, pin_mask = 0;
  Wire wires[kMostWires] = {};
  unsigned nr_wires = 0;
};
extern Board board;
/// Reads the tree at a physical address. False: it is none.
bool read_tree(uint64_t phys);

/// Registers lie at a fixed distance from their physical addresses; before the port's own page tables exist, all do.
bool map_registers(const Registers& registers);
template <typename T>
volatile T& register_at(uint64_t phys) {
  return *reinterpret_cast<volatile T*>(BARE_FIXED + phys);
}

extern uint64_t image_offset;  // physical addresses of the image minus its own

/// The firmware's functions, by number (Arm DEN 0022).
enum class Psci : uint64_t { CpuOn = 0xc4000003, SystemOff = 0x84000008 };
int64_t call_psci(Psci function, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0);
/// An exception at the semihosting call means that nobody answers there.
bool skip_semihosting(SavedRegisters& registers);

// The interrupt controller.
inline constexpr uint32_t kPassBy = 0, kNone = 1020;  // interrupts from there on are none
void init_gic();                                      // once
void init_gic_of_cpu();                               // each CPU
uint32_t take_interrupt();
uint32_t number_of(uint32_t taken);
/// Makes a shared interrupt arrive at the first CPU; it is not enabled yet.
void aim_shared(uint32_t number, bool is_level);
void enable_shared(uint32_t number, bool on);
/// The shared interrupts that messages can raise.
void set_message_interrupts(uint32_t first, uint32_t nr);
/// Interrupts a CPU.
void interrupt_cpu(uint32_t id, uint32_t number);
/// On this CPU, with interrupts off: what pass_by_all() waits for.
void answer_pass_by();

}  // namespace bare
