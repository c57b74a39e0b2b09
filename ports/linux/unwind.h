#pragma once
// Stack layout by instruction, from .eh_frame: without allocation or locks, in any context.

#include <stdint.h>

namespace linux_port {

/// How to get from a function to its caller, at one instruction.
struct UnwindRow {
  enum class Cfa : uint8_t { Unknown, Stack, Frame, AtFrame, Signal };  // sp + cfa; fp + cfa; what lies at fp + cfa; a signal's
  enum class Saved : uint8_t { Same, AtCfa, AtFrame };                  // where the caller's fp is
  Cfa kind = Cfa::Unknown;
  Saved frame_pointer = Saved::Same;
  int32_t cfa = 0;
  int32_t saved = 0;
  /// A function without a caller.
  bool is_last = false;

  uint64_t packed() const;
  static UnwindRow unpacked(uint64_t word);
};

/// The row for the instruction at `pc`; Cfa::Unknown if there is none.
UnwindRow unwind_row(uintptr_t pc);

/// The callers' return addresses, innermost first, up to the first that is not certain.
unsigned unwind_stack(void** frames, unsigned max);

}  // namespace linux_port
