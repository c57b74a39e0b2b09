/* Constants for C and for assembly: the system's <linux/const.h>, and the kernel's words over it. */
#if __STDC_HOSTED__
#include_next <linux/const.h>
#endif
#ifndef KMEM_LINUX_CONST_H
#define KMEM_LINUX_CONST_H
#ifndef UL
#define UL(x) (x##UL)
#define ULL(x) (x##ULL)
#endif
/** Is it a constant expression?  A constant itself. */
#include <kmem/constant.h>
#define __is_constexpr(x) KMEM_IS_CONSTANT_(x)
#endif
