/* kmem's small helpers of kernel code, and printf into memory with the kernel's conversions. */
#include_next <linux/kernel.h>

#if defined(KMEM_LINUX_KERNEL_H) && !defined(KMEM_DRIVER_LINUX_KERNEL_H)
#define KMEM_DRIVER_LINUX_KERNEL_H
#include <linux/instruction_pointer.h>
#include <linux/kconfig.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/panic.h>
#include <linux/sprintf.h>
#include <linux/wordpart.h>
/* READ_ONCE(), noinline and so on, which kernel code has without asking.  C++ asks: the words are attributes' names there. */
#ifndef __cplusplus
#include <asm/byteorder.h>
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/hex.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/typecheck.h>
#endif
#endif
