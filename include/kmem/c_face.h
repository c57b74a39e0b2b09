#ifndef KMEM_C_FACE_H
#define KMEM_C_FACE_H
/* What every public header needs to be one header for gnu11 C and for C++20. */

#ifdef __cplusplus
#define KMEM_BEGIN_C extern "C" {
#define KMEM_END_C }
#define KMEM_NOTHROW noexcept
#else
#define KMEM_BEGIN_C
#define KMEM_END_C
#define KMEM_NOTHROW __attribute__((__nothrow__))
#endif

/** A function that libkmem.so exports.  The library itself is built with hidden visibility. */
#define KMEM_API __attribute__((__visibility__("default")))
/** The result is a block of its own; the n-th argument, or the product of two, is its size in bytes. */
#define KMEM_ALLOCATES(...) __attribute__((__malloc__, __alloc_size__(__VA_ARGS__)))
#define KMEM_MUST_CHECK __attribute__((__warn_unused_result__))
#define KMEM_PRINTF_LIKE(at, first) __attribute__((__format__(__printf__, at, first)))

#endif
