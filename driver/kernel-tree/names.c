/* The kernel's names, as the pure headers of its tree declare them, for functions that kmem has under other names. A program or
 * library that contains kernel sources is linked with this file, which is compiled as an ordinary program. */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

/* Defines the function with which kernel code links; `ours` is its body. */
#define KERNEL_NAME(type, name, parameters, ours)   \
  type kmem_plain_##name parameters __asm__(#name); \
  type __attribute__((__weak__)) kmem_plain_##name parameters { ours; }

KERNEL_NAME(char*, kstrdup, (const char* s, gfp_t flags), return kstrdup(s, flags))
KERNEL_NAME(char*, kstrndup, (const char* s, size_t n, gfp_t flags), return kstrndup(s, n, flags))
KERNEL_NAME(const char*, kstrdup_const, (const char* s, gfp_t flags), return kstrdup_const(s, flags))
KERNEL_NAME(void, kfree_const, (const void* p), kfree_const(p))
KERNEL_NAME(void*, kmemdup, (const void* p, size_t n, gfp_t flags), return kmemdup(p, n, flags))
KERNEL_NAME(char*, kmemdup_nul, (const char* p, size_t n, gfp_t flags), return kmemdup_nul(p, n, flags))
KERNEL_NAME(void*, memdup_user, (const void* p, size_t n), return memdup_user(p, n))
KERNEL_NAME(void*, vmemdup_user, (const void* p, size_t n), return vmemdup_user(p, n))
KERNEL_NAME(void*, memdup_user_nul, (const void* p, size_t n), return memdup_user_nul(p, n))
KERNEL_NAME(char*, strndup_user, (const char* s, long n), return strndup_user(s, n))
KERNEL_NAME(void, memzero_explicit, (void* p, size_t n), memzero_explicit(p, n))
KERNEL_NAME(long, strscpy, (char* to, const char* from, size_t n), return kmem_strscpy(to, from, n))
KERNEL_NAME(long, strscpy_pad, (char* to, const char* from, size_t n), return kmem_strscpy_pad(to, from, n))
KERNEL_NAME(char*, kvasprintf, (gfp_t flags, const char* format, va_list arguments),
            return kvasprintf(flags, format, arguments))

char* kmem_plain_kasprintf(gfp_t flags, const char* format, ...) __asm__("kasprintf");
__attribute__((__weak__)) char* kmem_plain_kasprintf(gfp_t flags, const char* format, ...) {
  va_list arguments;
  char* text;
  va_start(arguments, format);
  text = kvasprintf(flags, format, arguments);
  va_end(arguments);
  return text;
}
