// From the loader to C++: the header of an Image as arm64's boot protocol has it, which QEMU's -kernel and boot loaders
// read; at EL2 or EL1, with no page tables, at any physical address that is a multiple of 2 MiB.  And the way of each further
// CPU.
//
// Tables of the boot: the image at the address that it is linked at, the GiB around it and around the tree as they are, and all
// registers of devices at bare::kFixed.

#include "layout.h"

#define NORMAL_BLOCK 0x705              // valid, attribute 1, inner shareable, accessed
#define DEVICE_BLOCK 0x0060000000000401 // valid, attribute 0, accessed, no code
#define SCTLR_OFF 0x30d00800            // what must be one
#define SCTLR_ON 0x30d01805             // and: tables, data cache, instruction cache

  .section .bss.boot, "aw", %nobits
  .balign 4096
  .globl bare_boot_tables
bare_boot_tables:  // levels 0; 1 as it is; 1 of devices; 1 of the image; 2 of the image
  .skip 5 * 4096
boot_stack:
  .skip 32768
boot_stack_end:

  .section .text.header, "ax"
  .globl bare_header
bare_header:
  b bare_entry
  .long 0
  .quad 0                // from a multiple of 2 MiB
  .quad bare_image_bytes
  .quad 0xa              // little endian, pages of 4 KiB, anywhere in memory
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .long 0

bare_entry:  // x0: the device tree
  mov x20, x0
  bl to_el1
  bl make_boot_tables
  adrp x0, bare_boot_tables
  bl tables_on
  adrp x21, bare_image_start
  ldr x1, =1f
  br x1
1:
  ldr x0, =bare_exception_stacks + BARE_EXCEPTION_STACK
  ldr x1, =boot_stack_end
  bl set_up_cpu
  ldr x1, =bare_bss
  ldr x2, =bare_image_end
2:
  stp xzr, xzr, [x1], #16
  cmp x1, x2
  b.lo 2b
  mov x0, x20
  mov x1, x21
  bl bare_main
3:
  wfi
  b 3b

// Leaves EL2, if that is where the loader left the CPU.
to_el1:
  mrs x1, CurrentEL
  cmp x1, #8
  b.ne 2f
  mov x1, #(1 << 31)
  msr hcr_el2, x1          // EL1 is 64-bit
  mrs x1, cnthctl_el2
  orr x1, x1, #3           // it has the timers
  msr cnthctl_el2, x1
  msr cntvoff_el2, xzr
  mov x1, #0x33ff
  msr cptr_el2, x1         // and the vector registers
  msr hstr_el2, xzr
  mrs x1, midr_el1
  msr vpidr_el2, x1
  mrs x1, mpidr_el1
  msr vmpidr_el2, x1
  msr vttbr_el2, xzr
  mrs x1, id_aa64pfr0_el1
  ubfx x1, x1, #24, #4
  cbz x1, 1f               // the interrupt controller's registers are the CPU's (version 3 on)
  mrs x1, s3_4_c12_c9_5    // ICC_SRE_EL2
  mov x2, #9
  orr x1, x1, x2
  msr s3_4_c12_c9_5, x1
  isb
  msr s3_4_c12_c11_0, xzr  // ICH_HCR_EL2
1:
  ldr x1, =SCTLR_OFF
  msr sctlr_el1, x1
  mov x1, #0x3c5           // EL1 with its own stack pointer, all interrupts masked
  msr spsr_el2, x1
  msr elr_el2, x30
  eret
2:
  msr daifset, #15
  ret

// Without caches: what stale lines hold of the tables is discarded afterwards.
make_boot_tables:
  mov x22, x30
  adrp x0, bare_boot_tables
  add x2, x0, #5 * 4096
  mov x1, x0
1:
  stp xzr, xzr, [x1], #16
  cmp x1, x2
  b.lo 1b
  add x1, x0, #4096
  orr x3, x1, #3
  str x3, [x0]
  adrp x3, bare_image_start
  bl map_gib
  mov x3, x20
  bl map_gib
  add x3, x20, #0x200000  // a tree has at most 2 MiB
  bl map_gib
  add x1, x0, #2 * 4096
  orr x3, x1, #3
  str x3, [x0, #(BARE_FIXED >> 39) * 8]
  ldr x3, =DEVICE_BLOCK
  mov x4, #0x40000000
  mov x5, #512
2:
  str x3, [x1], #8
  add x3, x3, x4
  subs x5, x5, #1
  b.ne 2b
  add x1, x0, #3 * 4096
  orr x3, x1, #3
  str x3, [x0, #(BARE_IMAGE >> 39) * 8]
  add x4, x0, #4 * 4096
  orr x3, x4, #3
  str x3, [x1]
  adrp x3, bare_image_start
  mov x5, #NORMAL_BLOCK
  orr x3, x3, x5
  mov x5, #512
3:
  str x3, [x4], #8
  add x3, x3, #0x200000
  subs x5, x5, #1
  b.ne 3b
  dmb sy
4:
  dc ivac, x0
  add x0, x0, #16  // the shortest line that there is
  cmp x0, x2
  b.lo 4b
  dsb sy
  br x22

// The GiB around x3, as it is; x1: the table.
map_gib:
  lsr x4, x3, #30
  lsl x5, x4, #30
  mov x6, #NORMAL_BLOCK
  orr x5, x5, x6
  str x5, [x1, x4, lsl #3]
  ret

  .globl bare_boot_code, bare_boot_code_end
bare_boot_code:  // seen at its physical address in all tables

// x0: the top table.
tables_on:
  ldr x1, =0x44ff04      // 0 device, 1 write-back, 2 not cached
  msr mair_el1, x1
  ldr x1, =0x803510      // 48 bits, pages of 4 KiB, walks through the caches, no second table
  mrs x2, id_aa64mmfr0_el1
  and x2, x2, #15
  cmp x2, #5
  mov x3, #5
  csel x2, x2, x3, ls
  bfi x1, x2, #32, #3    // as many physical bits as there are
  msr tcr_el1, x1
  msr ttbr0_el1, x0
  isb
  tlbi vmalle1
  dsb nsh
  ic iallu
  dsb nsh
  isb
  ldr x1, =SCTLR_ON
  msr sctlr_el1, x1
  isb
  ret

// bare_use_tables(uint64_t top, uint64_t offset): other tables, in which the image lies as it did; a CPU may not see both at
// once.  The offset is that of physical addresses from the image's.
  .globl bare_use_tables
bare_use_tables:
  mov x9, x30
  adr x2, 1f
  add x2, x2, x1
  br x2
1:
  ldr x2, =SCTLR_OFF
  msr sctlr_el1, x2
  isb
  bl tables_on
  br x9

// Where PSCI starts a further CPU.  x0: the top table.
  .globl bare_secondary
bare_secondary:
  mov x20, x0
  bl secondary_to_el1
  mov x0, x20
  bl tables_on
  ldr x1, =1f
  br x1
secondary_to_el1:
  b to_el1
  .ltorg
  .balign 8
bare_boot_code_end:

1:
  ldr x0, =bare_ap_exception_stack
  ldr x0, [x0]
  ldr x1, =bare_ap_stack
  ldr x1, [x1]
  bl set_up_cpu
  bl bare_ap_main
2:
  wfi
  b 2b

// x0: the stack of exceptions; x1: the task's.  Tasks run with SP_EL0, so that an exception finds a good stack even when
// theirs is used up.
set_up_cpu:
  msr spsel, #1
  mov sp, x0
  msr spsel, #0
  mov sp, x1
  ldr x2, =bare_vectors
  msr vbar_el1, x2
  mov x2, #(3 << 20)
  msr cpacr_el1, x2      // vector registers
  msr tpidrro_el0, xzr   // no task
  mov x29, xzr
  isb
  ret
  .ltorg

  .section .note.GNU-stack, "", %progbits
