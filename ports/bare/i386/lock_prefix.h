// Goes in front of every file that is compiled for i386 (cmake/bare.cmake).
//
// QEMU before version 8 computes wrong flags at cmpxchg8b (its emulation, not KVM) if an arithmetic instruction comes before it
// in the same block: bits of an operand, the flag of virtual 8086 mode among them, with which the next interrupt ends in a
// double fault. An instruction in between that changes one flag makes QEMU compute all of them. So the compiler's
// `lock cmpxchg8b` has one: cmpxchg8b changes the flags anyway.
__asm__(
    ".macro lock operation, operands:vararg\n\t"
    ".ifc \\operation, cmpxchg8b\n\t"
    "clc\n\t"
    ".endif\n\t"
    ".byte 0xf0\n\t"
    "\\operation \\operands\n\t"
    ".endm");
