#ifndef KMEM_LINUX_STRING_HELPERS_H
#define KMEM_LINUX_STRING_HELPERS_H
/* Strings for logs, in blocks from kmalloc().  NULL if there is no memory. Flags and contexts as for kmalloc(). */
#include <kmem/c_face.h>
#include <linux/types.h>

KMEM_BEGIN_C

/** A copy with the characters escaped that could end or fake a log line: \f \n \r \t \v \a, escape, \ and " as \xNN. NULL for
 *  NULL. */
KMEM_API char* kstrdup_quotable(const char* source, gfp_t flags) KMEM_NOTHROW_NAME(kstrdup_quotable)
    __attribute__((__malloc__));
/** "prefix-0", "prefix-1" ...: an array of n such strings and a NULL behind them; free it with kfree_strarray(). */
KMEM_API char** kasprintf_strarray(gfp_t flags, const char* prefix, size_t n) KMEM_NOTHROW_NAME(kasprintf_strarray)
    __attribute__((__malloc__));
/** Frees n strings and the array of them; NULL is ignored.  Any context. */
KMEM_API void kfree_strarray(char** array, size_t n) KMEM_NOTHROW_NAME(kfree_strarray);

KMEM_END_C

#endif
