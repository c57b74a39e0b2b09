// From the loader's 32 bits to 64: by PVH (a note in the image says where the entry is; %ebx has the start info) or by
// multiboot 2 (%eax has its magic).  And, from a page below 1 MiB, the way of each further CPU.

#define CODE64 0x08
#define DATA 0x10
#define CODE32 0x18

#include "x86/loaders.inc"

  .section .bss.boot, "aw", @nobits
  .balign 4096
boot_tables:  // the first 4 GiB as they are, by pages of 2 MiB
  .skip 6 * 4096
boot_stack:
  .skip 32768
boot_stack_end:

  .section .text.boot, "ax"
  .code32
  .globl bare_entry32
bare_entry32:
  cli
  cld
  movl $boot_stack_end, %esp
  movl %eax, %edi
  movl %ebx, %esi
  movl $boot_tables + 4096 + 3, boot_tables
  movl $boot_tables + 2 * 4096 + 3, %eax
  movl $boot_tables + 4096, %ebx
  movl $4, %ecx
1:
  movl %eax, (%ebx)
  addl $4096, %eax
  addl $8, %ebx
  loop 1b
  movl $0x83, %eax
  movl $boot_tables + 2 * 4096, %ebx
  movl $2048, %ecx
1:
  movl %eax, (%ebx)
  addl $0x200000, %eax
  addl $8, %ebx
  loop 1b
  movl $boot_tables, %eax
  movl %eax, %cr3
  lgdt boot_gdt_pointer
  call enter_long_mode
  ljmp $CODE64, $entry64

// Paging, SSE, pages that hold no code; still 32-bit code afterwards.  %cr3 is set.
enter_long_mode:
  movl %cr4, %eax
  orl $0x6a0, %eax  // PAE, PGE, OSFXSR, OSXMMEXCPT
  movl %eax, %cr4
  movl $0xc0000080, %ecx
  rdmsr
  orl $0x900, %eax  // LME, NXE
  wrmsr
  movl %cr0, %eax
  andl $~0xe, %eax  // EM, TS; and caches on
  andl $~0x60000000, %eax
  orl $0x80010022, %eax  // PG, WP, NE, MP
  movl %eax, %cr0
  ret

  .code64
entry64:
  movl $DATA, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  xorl %eax, %eax
  movl %eax, %fs
  movl %eax, %gs
  xorl %ebp, %ebp
  movl %edi, %edi
  movl %esi, %esi
  call bare_main
1:
  hlt
  jmp 1b

  .section .rodata.boot, "a"
  .balign 16
boot_gdt:
  .quad 0, 0x00209b0000000000, 0x00cf93000000ffff, 0x00cf9b000000ffff
boot_gdt_pointer:
  .short . - boot_gdt - 1
  .long boot_gdt

// Copied to page 8: a CPU begins in real mode at what the page's number says.
  .section .rodata.trampoline, "a"
  .globl bare_trampoline, bare_trampoline_end, bare_trampoline_cr3
  .balign 16
  .code16
#define AT(x) (0x8000 + (x) - bare_trampoline)
bare_trampoline:
  cli
  cld
  xorw %ax, %ax
  movw %ax, %ds
  lgdtl AT(trampoline_gdt_pointer)
  movl %cr0, %eax
  orl $1, %eax
  movl %eax, %cr0
  ljmpl $CODE32, $AT(1f)
  .code32
1:
  movl $DATA, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl AT(bare_trampoline_cr3), %eax
  movl %eax, %cr3
  movl $AT(trampoline_stack_end), %esp
  movl $enter_long_mode, %eax
  call *%eax
  ljmp $CODE64, $ap_entry64
  .balign 8
trampoline_gdt_pointer:
  .short 31
  .long boot_gdt
bare_trampoline_cr3:
  .long 0
  .skip 64
trampoline_stack_end:
bare_trampoline_end:

  .section .text.boot, "ax"
  .code64
ap_entry64:
  movl $DATA, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  xorl %eax, %eax
  movl %eax, %fs
  movl %eax, %gs
  xorl %ebp, %ebp
  movq bare_ap_stack, %rsp
  call bare_ap_main
1:
  hlt
  jmp 1b

  .section .note.GNU-stack, "", @progbits
