#pragma once
// A copy of a stack, with all that a debugger in another process needs to walk it later.

#include "base/types.h"

namespace kmem {

/// Filled by kmem_port_save_stack().  No pointers: it may lie in a file.
struct SavedStack {
  static constexpr unsigned kMaxRegisters = 33;
  uint16_t machine = 0;  // as ELF's e_machine; 0: nothing was saved
  uint16_t nr_registers = 0;
  uint32_t stack_bytes = 0;
  uint32_t mappings_bytes = 0;
  uint64_t pc = 0;
  uint64_t stack_start = 0;                // address of stack[0]: the stack pointer
  uint64_t registers[kMaxRegisters] = {};  // by DWARF number; caller-saved ones are zero
  char stack[48 << 10] = {};
  char mappings[192 << 10] = {};  // the text of /proc/self/maps, as far as it fits
};

}  // namespace kmem
