#ifndef KMEM_LINUX_ALIGN_H
#define KMEM_LINUX_ALIGN_H
/* Rounding to a power of two.  Each argument is evaluated once, and constants give a constant expression. */

/* (x + mask) & ~mask, with the mask named once.  A program may have its own ALIGN already. */
#ifndef ALIGN
#define ALIGN(value, to) ((((value)-1) | ((__typeof__(value))(to)-1)) + 1)
#endif
#define ALIGN_DOWN(value, to) ((value) & ~((__typeof__(value))(to)-1))
#define IS_ALIGNED(value, to) (((value) & ((__typeof__(value))(to)-1)) == 0)
#define PTR_ALIGN(pointer, to) ((__typeof__(pointer))((((unsigned long)(pointer)-1) | ((unsigned long)(to)-1)) + 1))
#define PTR_ALIGN_DOWN(pointer, to) ((__typeof__(pointer))((unsigned long)(pointer) & ~((unsigned long)(to)-1)))

#endif
