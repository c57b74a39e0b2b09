#ifndef KMEM_LINUX_WORDPART_H
#define KMEM_LINUX_WORDPART_H
/* Halves of a number.  Meaning: the kernel's <linux/wordpart.h>; before 6.8 they were in <linux/kernel.h>. */
#include <linux/types.h>

#define upper_32_bits(number) ((u32)(((number) >> 16) >> 16))
#define lower_32_bits(number) ((u32)((number)&0xffffffff))
#define upper_16_bits(number) ((u16)((number) >> 16))
#define lower_16_bits(number) ((u16)((number)&0xffff))
#endif
