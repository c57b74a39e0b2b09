// Where interrupts come in: all registers to the stack, bare_trap() in C++, and back.  And the switch from task to task.

  .text
  .macro STUB n
  .balign 16
  .if \n == 8 || (\n >= 10 && \n <= 14) || \n == 17 || \n == 21 || \n == 29 || \n == 30
  .else
  pushq $0
  .endif
  pushq $\n
  jmp common
  .endm

  .balign 16
  .globl bare_stubs
bare_stubs:
  .set n, 0
  .rept 256
  STUB n
  .set n, n + 1
  .endr

common:
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rbx
  pushq %rbp
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  cld
  movq %rsp, %rdi
  movq %rsp, %rbx
  subq $512, %rsp
  andq $-16, %rsp
  fxsave64 (%rsp)
  call bare_trap
  fxrstor64 (%rsp)
  movq %rbx, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rbp
  popq %rbx
  popq %rdx
  popq %rcx
  popq %rax
  addq $16, %rsp
  iretq

// bare_switch(uint64_t* save, uint64_t restore): what a call keeps lies on each task's stack.
  .globl bare_switch
bare_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret

// Where a new task begins: its body and argument are in %r12 and %r13.
  .globl bare_begin_task
bare_begin_task:
  xorl %ebp, %ebp
  movq %r12, %rdi
  movq %r13, %rsi
  call bare_task_main

  .section .note.GNU-stack, "", @progbits
