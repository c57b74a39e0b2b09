/* Copies of strings and of memory in blocks from kmalloc(); free them with kfree().
 *
 * Sizes are bytes.  NULL if there is no memory, and for a NULL source if the comment says so. Flags and contexts as for
 * kmalloc(). Includes the C library's string functions, as the system's header does. */
#ifdef KMEM_LINUX_STRING_OPEN /* included by another kmem's header on its way to the system's */
#include_next <linux/string.h>
#else
#define KMEM_LINUX_STRING_OPEN
#include <kmem/system_linux_string.h>
#undef KMEM_LINUX_STRING_OPEN
#endif

#ifndef KMEM_LINUX_STRING_H
#define KMEM_LINUX_STRING_H

#include <kmem/c_face.h>
#include <linux/array_size.h>
#include <linux/types.h>

#if __STDC_HOSTED__
#include <string.h>
#endif

KMEM_BEGIN_C

/** The string and its NUL; NULL for NULL. */
KMEM_API char* kstrdup(const char* string, gfp_t flags) KMEM_NOTHROW_NAME(kstrdup) __attribute__((__malloc__));
/** At most max characters of it, and always a NUL; NULL for NULL. */
KMEM_API char* kstrndup(const char* string, size_t max, gfp_t flags) KMEM_NOTHROW_NAME(kstrndup) __attribute__((__malloc__));
/** `length` bytes, whatever they are. */
KMEM_API void* kmemdup(const void* source, size_t length, gfp_t flags) KMEM_NOTHROW_NAME(kmemdup) KMEM_ALLOCATES(2);
/** The same, and a NUL behind them; NULL for NULL. */
KMEM_API char* kmemdup_nul(const char* source, size_t length, gfp_t flags) KMEM_NOTHROW_NAME(kmemdup_nul)
    __attribute__((__malloc__));
/** n elements of `size` bytes; NULL if the product overflows. */
KMEM_API void* kmemdup_array(const void* source, size_t n, size_t size, gfp_t flags) KMEM_NOTHROW_NAME(kmemdup_array)
    KMEM_ALLOCATES(2, 3);
/** As kmemdup(), from kvmalloc(): free it with kvfree(). */
KMEM_API void* kvmemdup(const void* source, size_t length, gfp_t flags) KMEM_NOTHROW_NAME(kvmemdup) KMEM_ALLOCATES(2);
/** The string itself if it is constant, as a literal is, else a copy; free it with kfree_const(), and do not pass it to
 *  krealloc(). Always a copy if the port cannot tell what is constant. */
KMEM_API const char* kstrdup_const(const char* string, gfp_t flags) KMEM_NOTHROW_NAME(kstrdup_const);
/** kfree() unless the string is constant.  Any context. */
KMEM_API void kfree_const(const void* pointer) KMEM_NOTHROW_NAME(kfree_const);

/* Copies from user space: ERR_PTR(-EFAULT) for a bad address; ERR_PTR(-ENOMEM) without memory.  In a process the user is the
 * program itself.  They may sleep: task context. */

/** `length` bytes; the next two: free with kvfree(); with a NUL behind them. */
KMEM_API void* memdup_user(const void* source, size_t length) KMEM_NOTHROW_NAME(memdup_user);
KMEM_API void* vmemdup_user(const void* source, size_t length) KMEM_NOTHROW_NAME(vmemdup_user);
KMEM_API void* memdup_user_nul(const void* source, size_t length) KMEM_NOTHROW_NAME(memdup_user_nul);
/** A string of at most n characters, its NUL among them; ERR_PTR(-EINVAL) if it is longer. */
KMEM_API char* strndup_user(const char* string, long n) KMEM_NOTHROW_NAME(strndup_user);
/** n elements; ERR_PTR(-EOVERFLOW) if the product overflows. */
KMEM_API void* memdup_array_user(const void* source, size_t n, size_t size) KMEM_NOTHROW_NAME(memdup_array_user);
KMEM_API void* vmemdup_array_user(const void* source, size_t n, size_t size) KMEM_NOTHROW_NAME(vmemdup_array_user);

/** Copies the string as far as it fits, always with a NUL; its length, or -E2BIG (-7) if it did not fit or there is no room.
 *  The second clears the rest of the buffer. */
KMEM_API long kmem_strscpy(char* to, const char* from, size_t room) KMEM_NOTHROW;
KMEM_API long kmem_strscpy_pad(char* to, const char* from, size_t room) KMEM_NOTHROW;

/** Clears memory; the compiler cannot drop it, even if the memory is not read afterwards. */
KMEM_API void memzero_explicit(void* memory, size_t bytes) KMEM_NOTHROW_NAME(memzero_explicit);

KMEM_END_C

/* With the size of the buffer, or with an array as the buffer. */
#define strscpy(...) KMEM_STRSCPY_PICK_(__VA_ARGS__, KMEM_STRSCPY_3_, KMEM_STRSCPY_2_, )(kmem_strscpy, __VA_ARGS__)
#define strscpy_pad(...) KMEM_STRSCPY_PICK_(__VA_ARGS__, KMEM_STRSCPY_3_, KMEM_STRSCPY_2_, )(kmem_strscpy_pad, __VA_ARGS__)
#define KMEM_STRSCPY_PICK_(a, b, c, name, ...) name
#define KMEM_STRSCPY_3_(function, to, from, room) function((to), (from), (room))
#define KMEM_STRSCPY_2_(function, to, from) function((to), (from), sizeof(to) + KMEM_MUST_BE_ARRAY_(to))
#ifdef __cplusplus
#define KMEM_MUST_BE_ARRAY_(array) (0 * sizeof(kmem_array_of(array)))
#else
#define KMEM_MUST_BE_ARRAY_(array)                                                                           \
  ((size_t)KMEM_BUILD_BUG_ON_ZERO_(__builtin_types_compatible_p(__typeof__(array), __typeof__(&(array)[0])), \
                                   "strscpy() into a pointer needs the room"))
#endif

#endif
