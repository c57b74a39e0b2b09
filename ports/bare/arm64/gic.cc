// The interrupt controller: Arm's GIC of version 2 (IHI 0048) or 3 (IHI 0069).  All interrupts of one group, with one priority.

#include "arm64.h"
#include "bare.h"

namespace bare {
namespace {

// Distributor, and the frame of a redistributor that has the first 32 interrupts.
constexpr unsigned kControl = 0x000, kGroup = 0x080, kEnable = 0x100, kDisable = 0x180, kPriority = 0x400, kTargets = 0x800,
                   kTrigger = 0xc00, kSend = 0xf00, kRoutes = 0x6000;
// CPU interface of version 2
constexpr unsigned kMask = 0x004, kTake = 0x00c, kEnd = 0x010;
// Redistributors
constexpr unsigned kType = 0x008, kWaker = 0x014, kSecondFrame = 0x10000;
constexpr uint32_t kAsleep = 1 << 1, kChildrenAsleep = 1 << 2;
constexpr uint32_t kSamePriority = 0x80808080;

uint8_t target_bits[kMostCpus];  // of version 2, which serves eight CPUs

uint32_t private_interrupts() { return 0xffff | 1u << board.timer; }

volatile uint32_t& distributor(unsigned at) { return register_at<uint32_t>(board.distributor.phys + at); }
volatile uint32_t& cpu_interface(unsigned at) { return register_at<uint32_t>(board.cpu_interface.phys + at); }

/// This CPU's, by its affinities.  A redistributor has two frames, or four where it knows virtual interrupts.
uint64_t own_redistributor() {
  const uint64_t mpidr = BARE_READ(mpidr_el1), mine = (mpidr & 0xffffff) | (mpidr >> 8 & 0xff000000);
  for (uint64_t at = board.redistributors.phys, end = at + board.redistributors.bytes; at < end;) {
    const uint64_t type = register_at<uint64_t>(at + kType);
    if (type >> 32 == mine) return at;
    if (type & 1 << 4) break;
    at += type & 2 ? 4 * kSecondFrame : 2 * kSecondFrame;
  }
  panic("CPU %u has no redistributor", this_cpu_id());
}

void enable_private(uint64_t frame) {
  for (unsigned at = 0; at < 32; at += 4) register_at<uint32_t>(frame + kPriority + at) = kSamePriority;
  register_at<uint32_t>(frame + kEnable) = private_interrupts();
}

void init_redistributor() {
  const uint64_t mine = own_redistributor();
  register_at<uint32_t>(mine + kWaker) = register_at<uint32_t>(mine + kWaker) & ~kAsleep;
  while (register_at<uint32_t>(mine + kWaker) & kChildrenAsleep) relax();
  register_at<uint32_t>(mine + kSecondFrame + kGroup) = ~0u;
  enable_private(mine + kSecondFrame);
}

void init_cpu_registers() {
  BARE_WRITE(s3_0_c12_c12_5, BARE_READ(s3_0_c12_c12_5) | 1);  // ICC_SRE_EL1: by registers of the CPU
  asm volatile("isb");
  BARE_WRITE(s3_0_c4_c6_0, 0xff);  // ICC_PMR_EL1
  BARE_WRITE(s3_0_c12_c12_7, 1);   // ICC_IGRPEN1_EL1
  asm volatile("isb");
}

}  // namespace

void init_gic() {
  const Registers& second = board.is_gic3 ? board.redistributors : board.cpu_interface;
  if (!board.distributor.bytes || !second.bytes) panic("the tree names no interrupt controller that is known (GICv2, GICv3)");
  if (!map_registers(board.distributor) || !map_registers(second)) panic("no frames for the interrupt controller's registers");
  distributor(kControl) = board.is_gic3 ? 0x13 : 1;  // version 3: by affinities, group 1 of either world
}

void init_gic_of_cpu() {
  if (board.is_gic3) {
    init_redistributor();
    init_cpu_registers();
  } else {
    const auto self = static_cast<uint8_t>(distributor(kTargets));  // of its private interrupts; a single CPU reads zero
    target_bits[this_cpu_id()] = self ? self : 1;
    enable_private(board.distributor.phys);
    cpu_interface(kMask) = 0xff;
    cpu_interface(kControl) = 1;
  }
}

void aim_shared(uint32_t number, bool is_level) {
  enable_shared(number, false);
  register_at<uint8_t>(board.distributor.phys + kPriority + number) = static_cast<uint8_t>(kSamePriority);
  if (board.is_gic3) {
    volatile uint32_t& group = distributor(kGroup + number / 32 * 4);
    group = group | 1u << number % 32;
    const uint64_t aff = firmware.hardware_id[0];
    register_at<uint64_t>(board.distributor.phys + kRoutes + 8 * uint64_t{number}) = (aff & 0xffffff) | (aff >> 24) << 32;
  } else {
    register_at<uint8_t>(board.distributor.phys + kTargets + number) = target_bits[0];
  }
  volatile uint32_t& trigger = distributor(kTrigger + number / 16 * 4);
  const uint32_t by_edge = 2u << 2 * (number % 16);
  trigger = is_level ? trigger & ~by_edge : trigger | by_edge;
}

void enable_shared(uint32_t number, bool on) { distributor((on ? kEnable : kDisable) + number / 32 * 4) = 1u << number % 32; }

uint32_t take_interrupt() { return board.is_gic3 ? static_cast<uint32_t>(BARE_READ(s3_0_c12_c12_0)) : cpu_interface(kTake); }
uint32_t number_of(uint32_t taken) { return taken & (board.is_gic3 ? 0xffffff : 0x3ff); }
void end_of_interrupt(uint32_t taken) {
  if (board.is_gic3) BARE_WRITE(s3_0_c12_c12_1, taken);
  else cpu_interface(kEnd) = taken;
  asm volatile("isb");
}

void interrupt_cpu(uint32_t id, uint32_t number) {
  asm volatile("dsb ish" : : : "memory");  // it must find what was written before
  const uint64_t aff = firmware.hardware_id[id];
  if (board.is_gic3)
    BARE_WRITE(s3_0_c12_c11_5, (aff >> 24 & 0xff) << 48 | (aff >> 16 & 0xff) << 32 | (aff >> 8 & 0xff) << 16 |
                                   (aff >> 4 & 0xf) << 44 | uint64_t{number} << 24 | uint64_t{1} << (aff & 15));
  else distributor(kSend) = uint32_t{target_bits[id]} << 16 | number;
  asm volatile("isb");
}

}  // namespace bare
