#pragma once
// What x86-64 saves of an interrupted task.

#include "base/types.h"

namespace bare {

/// The registers that interrupts.S saves on the stack.
struct SavedRegisters {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  uint64_t vector, error, pc, cs, rflags, rsp, ss;
};

inline constexpr const char* kProcessor = "x86-64";
/// What can be reached before the port's own page tables exist.
inline constexpr uint64_t kSeenAtBoot = uint64_t{4} << 30;

}  // namespace bare
