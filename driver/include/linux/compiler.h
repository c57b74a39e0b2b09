#ifndef KMEM_LINUX_COMPILER_H
#define KMEM_LINUX_COMPILER_H
/* Words for the compiler: what it may assume, and accesses to memory that it may neither split, repeat nor leave out. */
#include <asm/barrier.h>
#include <linux/compiler_types.h>

#ifndef likely
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#endif
#define barrier_data(pointer) __asm__ __volatile__("" : : "r"(pointer) : "memory")
#define barrier_before_unreachable() ((void)0)
/** The compiler forgets what it knows of a variable's value. */
#define OPTIMIZER_HIDE_VAR(variable) __asm__("" : "=r"(variable) : "0"(variable))
#define RELOC_HIDE(pointer, offset) ((__typeof__(pointer))((unsigned long)(pointer) + (offset)))
#ifndef unreachable
#define unreachable() __builtin_unreachable()
#endif

/** One load or store, neither split nor moved by the compiler; for types that a machine loads in one step. */
#ifndef READ_ONCE
#ifdef __cplusplus
#define READ_ONCE(variable) (*(const volatile __typeof__(+(variable))*)&(variable))
#else
#define READ_ONCE(variable) (*(const volatile __typeof__(variable)*)&(variable))
#endif
#define WRITE_ONCE(variable, value) ((void)(*(volatile __typeof__(variable)*)&(variable) = (value)))
#endif
#define READ_ONCE_NOCHECK(variable) READ_ONCE(variable)
/** Until 4.15, for both. */
#define ACCESS_ONCE(variable) (*(volatile __typeof__(variable)*)&(variable))
/** Access that may race with another, which the code knows of. */
#define data_race(expression) __extension__({ expression; })

#define __ADDRESSABLE(name) \
  static void* __attribute__((__used__)) __UNIQUE_ID(kmem_address_of_##name) = (void*)(unsigned long)&name;
#define __must_be_array(array) KMEM_MUST_BE_ARRAY_(array)

/** Has the type negative numbers? */
#ifndef is_signed_type
#define is_signed_type(type) (((type)(-1)) < (type)1)
#define is_unsigned_type(type) (!is_signed_type(type))
#endif
#endif
