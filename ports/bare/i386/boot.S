// The entry without paging, by PVH (%ebx has the start info) or by multiboot 2 (%eax has its magic).  And, from a page below
// 1 MiB, the way of each further CPU.

#define CODE 0x08
#define DATA 0x10

#include "x86/loaders.inc"

  .section .bss.boot, "aw", @nobits
  .balign 4096
boot_stack:
  .skip 32768
boot_stack_end:

  .section .text.boot, "ax"
  .globl bare_entry32
bare_entry32:
  cli
  cld
  movl $boot_stack_end, %esp
  movl %eax, %edi
  movl %ebx, %esi
  lgdt boot_gdt_pointer
  ljmp $CODE, $1f
1:
  call set_segments
  call find_no_code
  call set_processor
  xorl %ebp, %ebp
  subl $8, %esp
  pushl %esi
  pushl %edi
  call bare_main
1:
  hlt
  jmp 1b

set_segments:
  movl $DATA, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl %eax, %fs
  movl %eax, %gs
  ret

// Has the processor pages that hold no code?
find_no_code:
  movl $0x80000000, %eax
  cpuid
  cmpl $0x80000001, %eax
  jb 1f
  movl $0x80000001, %eax
  cpuid
  andl $0x100000, %edx
  shll $11, %edx
  movl %edx, bare_no_code + 4
1:
  ret

// SSE, PAE, and pages that hold no code, where there are any.
set_processor:
  movl %cr4, %eax
  orl $0x6a0, %eax  // PAE, PGE, OSFXSR, OSXMMEXCPT
  movl %eax, %cr4
  movl %cr0, %eax
  andl $~0x6000000e, %eax  // EM, TS; and caches on
  orl $0x00010022, %eax    // WP, NE, MP
  movl %eax, %cr0
  fninit
  cmpl $0, bare_no_code + 4
  je 1f
  movl $0xc0000080, %ecx
  rdmsr
  orl $0x800, %eax  // NXE
  wrmsr
1:
  ret

// bare_use_tables(uint32_t top): the image is where it was.
  .globl bare_use_tables
bare_use_tables:
  movl 4(%esp), %eax
  movl %eax, %cr3
  movl %cr0, %eax
  orl $0x80000000, %eax
  movl %eax, %cr0
  jmp 1f
1:
  ret

  .section .data.boot, "aw"
  .balign 8
  .globl bare_no_code
bare_no_code:
  .quad 0

  .section .rodata.boot, "a"
  .balign 16
boot_gdt:
  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
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
  ljmpl $CODE, $AT(1f)
  .code32
1:
  movl $DATA, %eax
  movl %eax, %ds
  movl %eax, %ss
  movl $AT(trampoline_stack_end), %esp
  pushl AT(bare_trampoline_cr3)
  movl $start_cpu, %eax
  jmp *%eax
  .balign 8
trampoline_gdt_pointer:
  .short 23
  .long boot_gdt
bare_trampoline_cr3:
  .long 0
  .skip 64
trampoline_stack_end:
bare_trampoline_end:

  .section .text.boot, "ax"
start_cpu:
  call set_segments
  call set_processor
  call bare_use_tables
  xorl %ebp, %ebp
  movl bare_ap_stack, %esp
  call bare_ap_main
1:
  hlt
  jmp 1b

  .section .note.GNU-stack, "", @progbits
