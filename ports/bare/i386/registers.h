#pragma once
// What i386 saves of an interrupted task.

#include "base/types.h"

namespace bare {

/// The registers that interrupts.S saves on the stack: those of PUSHA, and what the processor pushes.  `esp` is where they lie.
struct SavedRegisters {
  uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
  uint32_t vector, error, pc, cs, eflags;
};

inline constexpr const char* kProcessor = "i386";
/// Where the port's own frames must be: without paging all memory is reached, but they stay in the direct map.
inline constexpr uint64_t kSeenAtBoot = 0x3800'0000;

}  // namespace bare
