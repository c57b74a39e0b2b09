// Where interrupts and exceptions come in: all registers to the interrupted task's stack, bare_trap() in C++, and back.  And
// the switch from task to task.

#include "layout.h"

  .text
  .macro FROM_TASK kind
  .balign 128
  stp x16, x17, [sp, #-32]!
  mov x16, #\kind
  b from_task
  .endm
  .macro FROM_EXCEPTION
  .balign 128
  b from_exception
  .endm

  .balign 2048
  .globl bare_vectors
bare_vectors:
  FROM_TASK 0  // an exception of the task's own
  FROM_TASK 1  // an interrupt
  FROM_TASK 2  // a fast interrupt
  FROM_TASK 3  // an error of the system
  .rept 12     // from the code below, before it has left the stack of exceptions; and from user mode, which there is not
  FROM_EXCEPTION
  .endr

// On the stack of exceptions: x16 and x17 of the task, and its program counter.  The first store to the task's stack faults
// if it has no room.
from_task:
  mrs x17, elr_el1
  str x17, [sp, #16]
  mrs x17, sp_el0
  sub x17, x17, #BARE_FRAME
  stp x0, x1, [x17]
  stp x2, x3, [x17, #16]
  stp x4, x5, [x17, #32]
  stp x6, x7, [x17, #48]
  stp x8, x9, [x17, #64]
  stp x10, x11, [x17, #80]
  stp x12, x13, [x17, #96]
  stp x14, x15, [x17, #112]
  ldp x0, x1, [sp], #32
  stp x0, x1, [x17, #128]
  stp x18, x19, [x17, #144]
  stp x20, x21, [x17, #160]
  stp x22, x23, [x17, #176]
  stp x24, x25, [x17, #192]
  stp x26, x27, [x17, #208]
  stp x28, x29, [x17, #224]
  add x0, x17, #BARE_FRAME
  stp x30, x0, [x17, #240]
  mrs x0, elr_el1
  mrs x1, spsr_el1
  stp x0, x1, [x17, #256]
  mrs x0, esr_el1
  mrs x1, far_el1
  stp x0, x1, [x17, #272]
  str x16, [x17, #288]
  msr sp_el0, x17
  msr spsel, #0
  stp q0, q1, [sp, #304]
  stp q2, q3, [sp, #336]
  stp q4, q5, [sp, #368]
  stp q6, q7, [sp, #400]
  stp q8, q9, [sp, #432]
  stp q10, q11, [sp, #464]
  stp q12, q13, [sp, #496]
  stp q14, q15, [sp, #528]
  stp q16, q17, [sp, #560]
  stp q18, q19, [sp, #592]
  stp q20, q21, [sp, #624]
  stp q22, q23, [sp, #656]
  stp q24, q25, [sp, #688]
  stp q26, q27, [sp, #720]
  stp q28, q29, [sp, #752]
  stp q30, q31, [sp, #784]
  mrs x0, fpsr
  mrs x1, fpcr
  str x0, [sp, #816]
  str x1, [sp, #824]
  mov x0, sp
  bl bare_trap
  ldr x0, [sp, #816]
  ldr x1, [sp, #824]
  msr fpsr, x0
  msr fpcr, x1
  ldp q0, q1, [sp, #304]
  ldp q2, q3, [sp, #336]
  ldp q4, q5, [sp, #368]
  ldp q6, q7, [sp, #400]
  ldp q8, q9, [sp, #432]
  ldp q10, q11, [sp, #464]
  ldp q12, q13, [sp, #496]
  ldp q14, q15, [sp, #528]
  ldp q16, q17, [sp, #560]
  ldp q18, q19, [sp, #592]
  ldp q20, q21, [sp, #624]
  ldp q22, q23, [sp, #656]
  ldp q24, q25, [sp, #688]
  ldp q26, q27, [sp, #720]
  ldp q28, q29, [sp, #752]
  ldp q30, q31, [sp, #784]
  ldp x0, x1, [sp, #256]
  msr elr_el1, x0
  msr spsr_el1, x1
  ldr x30, [sp, #240]
  ldp x28, x29, [sp, #224]
  ldp x26, x27, [sp, #208]
  ldp x24, x25, [sp, #192]
  ldp x22, x23, [sp, #176]
  ldp x20, x21, [sp, #160]
  ldp x18, x19, [sp, #144]
  ldp x16, x17, [sp, #128]
  ldp x14, x15, [sp, #112]
  ldp x12, x13, [sp, #96]
  ldp x10, x11, [sp, #80]
  ldp x8, x9, [sp, #64]
  ldp x6, x7, [sp, #48]
  ldp x4, x5, [sp, #32]
  ldp x2, x3, [sp, #16]
  ldp x0, x1, [sp], #BARE_FRAME - 512
  add sp, sp, #512
  eret

// The task's stack is used up: the rest runs on the stack of exceptions, as if it were a task's.
from_exception:
  ldr x0, [sp, #16]
  mrs x1, far_el1
  mrs x2, sp_el0
  mov x3, sp
  sub x3, x3, #1024
  msr sp_el0, x3
  msr spsel, #0
  mov x3, x29
  bl bare_no_stack
1:
  wfi
  b 1b

// bare_switch(uint64_t* save, uint64_t restore): what a call keeps lies on each task's stack.
  .globl bare_switch
bare_switch:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x2, sp
  str x2, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret

// Where a new task begins: its body and argument are in x19 and x20.
  .globl bare_begin_task
bare_begin_task:
  mov x29, xzr
  mov x0, x19
  mov x1, x20
  bl bare_task_main

  .section .note.GNU-stack, "", %progbits
