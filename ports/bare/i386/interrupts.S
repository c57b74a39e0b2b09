// Where interrupts come in: all registers to the stack, bare_trap() in C++, and back.  And the switch from task to task.

  .text
  .macro STUB n
  .balign 16
  .if \n == 8 || (\n >= 10 && \n <= 14) || \n == 17 || \n == 21 || \n == 29 || \n == 30
  .else
  pushl $0
  .endif
  pushl $\n
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
  pushal
  cld
  movl %esp, %ebx
  subl $528, %esp
  andl $-16, %esp
  fxsave 16(%esp)
  movl %ebx, (%esp)
  call bare_trap
  fxrstor 16(%esp)
  movl %ebx, %esp
  popal
  addl $8, %esp
  iret

// A double fault comes by a task of its own, which never returns.  The change of tasks has switched the SSE registers off.
  .globl bare_double_fault
bare_double_fault:
  clts
  cld
  andl $-16, %esp
  call bare_on_double_fault

// bare_switch(uint64_t* save, uint64_t restore): what a call keeps lies on each task's stack.
  .globl bare_switch
bare_switch:
  movl 4(%esp), %eax
  movl 8(%esp), %edx
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %esp, (%eax)
  movl %edx, %esp
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

// Where a new task begins: its body and argument are in %ebx and %esi.
  .globl bare_begin_task
bare_begin_task:
  xorl %ebp, %ebp
  andl $-16, %esp
  subl $8, %esp
  pushl %esi
  pushl %ebx
  call bare_task_main

  .section .note.GNU-stack, "", @progbits
