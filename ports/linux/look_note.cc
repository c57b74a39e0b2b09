// The starting point for tools that inspect a process from outside: an ELF note, which can be found in a program or library
// without symbols and before it runs. It holds the distances from itself to the core's table (system/look_table.h) and to the
// port's own data.

#include "linux_port.h"

extern "C" {
/// The port's part: areas from here on have never been touched (shadows.cc).
extern uint32_t kmem_areas_used;
}

asm(R"(
  .pushsection .note.kmem, "a", @note
  .balign 4
  .long 5, 16, 1
  .asciz "kmem"
  .balign 4
1:
  .long 1
  .hidden kmem_look_table
  .long kmem_look_table - 1b
  .hidden kmem_areas_used
  .long kmem_areas_used - 1b
  .long 0
  .popsection
)");
