#ifndef KMEM_LINUX_UACCESS_H
#define KMEM_LINUX_UACCESS_H
/* The memory of user space: here of the program that calls the driver, or of another process where a tool forwards its calls.
 *
 * A bad address ends the copy: the bytes not copied are counted, and get_user() and related functions return -EFAULT. Task
 * context; a call where sleeping is not allowed is reported, unless between pagefault_disable() and pagefault_enable(). What
 * differs: an address of the driver's own memory is accepted, because it is the same process.
 * Meaning: the kernel's <linux/uaccess.h>. */
#include <kmem/driver_face.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/types.h>

#ifndef __user
#define __user
#endif
#define VERIFY_READ 0
#define VERIFY_WRITE 1
#ifndef TASK_SIZE
#ifdef __LP64__
#define TASK_SIZE 0x7ffffffff000ul
#else
#define TASK_SIZE 0x80000000ul
#endif
#endif
#define TASK_SIZE_MAX TASK_SIZE

KMEM_BEGIN_C

/** How many bytes could not be copied; of copy_from_user() these are zeros in `to`. */
KMEM_MUST_CHECK KMEM_API unsigned long copy_from_user(void* to, const void __user* from, unsigned long n)
    KMEM_DRIVER_NAME(copy_from_user);
KMEM_MUST_CHECK KMEM_API unsigned long copy_to_user(void __user* to, const void* from, unsigned long n)
    KMEM_DRIVER_NAME(copy_to_user);
KMEM_MUST_CHECK KMEM_API unsigned long clear_user(void __user* to, unsigned long n) KMEM_DRIVER_NAME(clear_user);
/** The same without zeroing the rest, for code that checks the result. */
KMEM_MUST_CHECK KMEM_API unsigned long kmem_driver_user_copy(void* to, const void __user* from, unsigned long n) KMEM_NOTHROW;
/** Is [pointer, pointer + n) in the range of addresses that user space can have? */
KMEM_API int kmem_driver_access_ok(const void __user* pointer, unsigned long n) KMEM_NOTHROW;

/** Returns the length of the string without the 0; `most` if it is longer, and then no 0 is written; -EFAULT. */
KMEM_MUST_CHECK KMEM_API long strncpy_from_user(char* to, const char __user* from, long most)
    KMEM_DRIVER_NAME(strncpy_from_user);
/** Returns the length with the 0; more than `most` if it is longer; 0 for a bad address. */
KMEM_API long strnlen_user(const char __user* text, long most) KMEM_DRIVER_NAME(strnlen_user);

/** Copies a struct whose size in user space may differ: a larger one is refused with -E2BIG unless the excess is zeros; a
 *  smaller one is padded with zeros. */
KMEM_MUST_CHECK KMEM_API int copy_struct_from_user(void* to, size_t size, const void __user* from, size_t user_size)
    KMEM_DRIVER_NAME(copy_struct_from_user);
/** 1: all zeros; 0; -EFAULT. */
KMEM_API int check_zeroed_user(const void __user* from, size_t size) KMEM_DRIVER_NAME(check_zeroed_user);

/** Copies user memory into an allocated block, to be freed by kfree(), or kvfree() for vmemdup_user(); ERR_PTR() on failure. */
KMEM_API void* kmem_driver_memdup_user(const void __user* from, size_t n) KMEM_NOTHROW;
KMEM_API void* kmem_driver_memdup_user_nul(const void __user* from, size_t n) KMEM_NOTHROW;
KMEM_API void* kmem_driver_vmemdup_user(const void __user* from, size_t n) KMEM_NOTHROW;
/** -EINVAL where the string, with its 0, is longer than `most`. */
KMEM_API char* kmem_driver_strndup_user(const char __user* text, long most) KMEM_NOTHROW;
static inline void* kmem_driver_memdup_array_user(const void __user* from, size_t n, size_t size) {
  size_t bytes;
  return __builtin_mul_overflow(n, size, &bytes) ? ERR_PTR(-EOVERFLOW) : kmem_driver_memdup_user(from, bytes);
}

/** Copies kernel memory whose address may be bad: 0, or -EFAULT. Any context. */
KMEM_API long copy_from_kernel_nofault(void* to, const void* from, size_t n) KMEM_DRIVER_NAME(copy_from_kernel_nofault);
KMEM_API long copy_to_kernel_nofault(void* to, const void* from, size_t n) KMEM_DRIVER_NAME(copy_to_kernel_nofault);
/** Copies user memory, in any context: 0, or -EFAULT. */
KMEM_API long copy_from_user_nofault(void* to, const void __user* from, size_t n) KMEM_DRIVER_NAME(copy_from_user_nofault);
KMEM_API long copy_to_user_nofault(void __user* to, const void* from, size_t n) KMEM_DRIVER_NAME(copy_to_user_nofault);

/** Between the two, copies are allowed in contexts that must not sleep. */
KMEM_API void pagefault_disable(void) KMEM_DRIVER_NAME(pagefault_disable);
KMEM_API void pagefault_enable(void) KMEM_DRIVER_NAME(pagefault_enable);
KMEM_API bool pagefault_disabled(void) KMEM_DRIVER_NAME(pagefault_disabled);

KMEM_END_C

/* kmem's own of these names, in <linux/string.h>, trust the address. */
#define memdup_user(from, n) kmem_driver_memdup_user(from, n)
#define memdup_user_nul(from, n) kmem_driver_memdup_user_nul(from, n)
#define vmemdup_user(from, n) kmem_driver_vmemdup_user(from, n)
#define strndup_user(text, most) kmem_driver_strndup_user(text, most)
#define memdup_array_user(from, n, size) kmem_driver_memdup_array_user(from, n, size)
#define vmemdup_array_user(from, n, size) kmem_driver_memdup_array_user(from, n, size)

#define __copy_from_user(to, from, n) kmem_driver_user_copy(to, from, n)
#define __copy_to_user(to, from, n) copy_to_user(to, from, n)
#define __copy_from_user_inatomic(to, from, n) kmem_driver_user_copy(to, from, n)
#define __copy_to_user_inatomic(to, from, n) copy_to_user(to, from, n)
#define __clear_user(to, n) clear_user(to, n)
#define raw_copy_from_user(to, from, n) kmem_driver_user_copy(to, from, n)
#define raw_copy_to_user(to, from, n) copy_to_user(to, from, n)

/* With a size; before 5.0 with a direction in front. */
#define access_ok(...) KMEM_ACCESS_PICK_(__VA_ARGS__, KMEM_ACCESS_3_, KMEM_ACCESS_2_, 0)(__VA_ARGS__)
#define KMEM_ACCESS_PICK_(a, b, c, name, ...) name
#define KMEM_ACCESS_2_(pointer, n) kmem_driver_access_ok((const void __user*)(pointer), n)
#define KMEM_ACCESS_3_(direction, pointer, n) ((void)(direction), KMEM_ACCESS_2_(pointer, n))

/** Reads one value: 0, or -EFAULT, and then the variable becomes 0. The pointer may be to what is const. */
#define get_user(variable, pointer)                                                             \
  __extension__({                                                                               \
    char kmem_bytes[sizeof(*(pointer))] __attribute__((__aligned__(__alignof__(*(pointer)))));  \
    const int kmem_bad = copy_from_user((void*)kmem_bytes, (pointer), sizeof(*(pointer))) != 0; \
    if (kmem_bad) __builtin_memset((void*)kmem_bytes, 0, sizeof(kmem_bytes));                   \
    typedef __typeof__(*(pointer)) __attribute__((__may_alias__)) kmem_value;                   \
    (variable) = (__typeof__(variable))*(const kmem_value*)(const void*)kmem_bytes;             \
    kmem_bad ? -EFAULT : 0;                                                                     \
  })
#define put_user(value, pointer)                                                         \
  __extension__({                                                                        \
    __typeof__(*(pointer)) kmem_value = (__typeof__(*(pointer)))(value);                 \
    copy_to_user((pointer), (const void*)&kmem_value, sizeof(*(pointer))) ? -EFAULT : 0; \
  })
#define __get_user(variable, pointer) get_user(variable, pointer)
#define __put_user(value, pointer) put_user(value, pointer)
#define get_kernel_nofault(variable, pointer) copy_from_kernel_nofault(&(variable), (pointer), sizeof(variable))
#define might_fault()                         \
  do {                                        \
    if (!pagefault_disabled()) might_sleep(); \
  } while (0)

#endif
