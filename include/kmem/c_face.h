#ifndef KMEM_C_FACE_H
#define KMEM_C_FACE_H
/* Macros by which every public header serves both gnu11 C and C++20. */

#ifdef __cplusplus
#define KMEM_BEGIN_C extern "C" {
#define KMEM_END_C }
#define KMEM_NOTHROW noexcept
#else
#define KMEM_BEGIN_C
#define KMEM_END_C
#define KMEM_NOTHROW __attribute__((__nothrow__))
#endif

/** A function's symbol: kmem_ and then the name.  The kernel's names are short and common, and other libraries have
 *  functions of the same name; in the program's source it has the kernel's name, for the linker a name of kmem's. Write it
 *  behind the parameters, before attributes; with `noexcept` if the function throws nothing. */
#define KMEM_NAME(name) __asm__("kmem_" #name)
#ifdef __cplusplus
#define KMEM_NOTHROW_NAME(name) noexcept KMEM_NAME(name)
#else
#define KMEM_NOTHROW_NAME(name) KMEM_NAME(name) KMEM_NOTHROW
#endif

/** A function that libkmem.so exports.  The library itself is built with hidden visibility. */
#define KMEM_API __attribute__((__visibility__("default")))
/** The result is a block of its own; the n-th argument, or the product of two, is its size in bytes. */
#define KMEM_ALLOCATES(...) __attribute__((__malloc__, alloc_size(__VA_ARGS__)))
#define KMEM_MUST_CHECK __attribute__((__warn_unused_result__))
#define KMEM_PRINTF_LIKE(at, first) __attribute__((__format__(__printf__, at, first)))

#endif
