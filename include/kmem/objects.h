#ifndef KMEM_OBJECTS_H
#define KMEM_OBJECTS_H
/* kmalloc() by type, of Linux 7.0: the size and type of the result come from a variable or a type.  <linux/slab.h> includes
 * this.
 *
 *   p = kmalloc_obj(*p);                          one, with GFP_KERNEL
 *   p = kzalloc_objs(*p, n, GFP_ATOMIC);          n in a row, zero; NULL where the product overflows
 *   p = kvmalloc_flex(*p, items, n);              a struct with n elements in its flexible array
 *
 * Each form exists for kmalloc, kzalloc, kvmalloc and kvzalloc, and is for the same contexts and freed in the same way; the
 * default flags are GFP_KERNEL. For a flexible array with __counted_by(member), if the compiler supports that (GCC 15, clang
 * 20), the _flex forms also set the member, and return NULL for a count that does not fit into it. */
#include <kmem/constant.h>
#include <kmem/kvmalloc.h>
#include <linux/overflow.h>

#define KMEM_FIRST_OF_(a, ...) a
#define KMEM_SECOND_OF_(a, b, ...) b

#define KMEM_TYPE_OF_(what) __typeof__(what)
#define KMEM_OBJS_(alloc, what, n, flags) ((KMEM_TYPE_OF_(what)*)alloc(size_mul(sizeof(KMEM_TYPE_OF_(what)), (n)), (flags)))
#if !defined(__cplusplus) && defined(__has_builtin)
#if __has_builtin(__builtin_counted_by_ref)
#define KMEM_COUNTER_(p, member) \
  _Generic(__builtin_counted_by_ref((p)->member), void* : (size_t*)NULL, default : __builtin_counted_by_ref((p)->member))
#define KMEM_FLEX_(alloc, what, member, n, flags)                                                                          \
  __extension__({                                                                                                          \
    const size_t kmem_n = (n);                                                                                             \
    __typeof__(KMEM_COUNTER_((KMEM_TYPE_OF_(what)*)NULL, member)) kmem_counter = NULL;                                     \
    KMEM_TYPE_OF_(what)* kmem_made = NULL;                                                                                 \
    if ((__typeof__(*kmem_counter))kmem_n == kmem_n)                                                                       \
      kmem_made = (KMEM_TYPE_OF_(what)*)alloc(struct_size_t(KMEM_TYPE_OF_(what), member, kmem_n), (flags));                \
    if (kmem_made && (kmem_counter = KMEM_COUNTER_(kmem_made, member))) *kmem_counter = (__typeof__(*kmem_counter))kmem_n; \
    kmem_made;                                                                                                             \
  })
#endif
#endif
#ifndef KMEM_FLEX_
#define KMEM_FLEX_(alloc, what, member, n, flags) \
  ((KMEM_TYPE_OF_(what)*)alloc(struct_size((KMEM_TYPE_OF_(what)*)NULL, member, n), (flags)))
#endif

#define kmalloc_obj(...) KMEM_OBJS_(kmalloc, KMEM_FIRST_OF_(__VA_ARGS__, ), 1, KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))
#define kzalloc_obj(...) KMEM_OBJS_(kzalloc, KMEM_FIRST_OF_(__VA_ARGS__, ), 1, KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))
#define kvmalloc_obj(...) KMEM_OBJS_(kvmalloc, KMEM_FIRST_OF_(__VA_ARGS__, ), 1, KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))
#define kvzalloc_obj(...) KMEM_OBJS_(kvzalloc, KMEM_FIRST_OF_(__VA_ARGS__, ), 1, KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))

#define kmalloc_objs(what, ...) \
  KMEM_OBJS_(kmalloc, what, KMEM_FIRST_OF_(__VA_ARGS__, ), KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))
#define kzalloc_objs(what, ...) \
  KMEM_OBJS_(kzalloc, what, KMEM_FIRST_OF_(__VA_ARGS__, ), KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))
#define kvmalloc_objs(what, ...) \
  KMEM_OBJS_(kvmalloc, what, KMEM_FIRST_OF_(__VA_ARGS__, ), KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))
#define kvzalloc_objs(what, ...) \
  KMEM_OBJS_(kvzalloc, what, KMEM_FIRST_OF_(__VA_ARGS__, ), KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))

#define kmalloc_flex(what, member, ...) \
  KMEM_FLEX_(kmalloc, what, member, KMEM_FIRST_OF_(__VA_ARGS__, ), KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))
#define kzalloc_flex(what, member, ...) \
  KMEM_FLEX_(kzalloc, what, member, KMEM_FIRST_OF_(__VA_ARGS__, ), KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))
#define kvmalloc_flex(what, member, ...) \
  KMEM_FLEX_(kvmalloc, what, member, KMEM_FIRST_OF_(__VA_ARGS__, ), KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))
#define kvzalloc_flex(what, member, ...) \
  KMEM_FLEX_(kvzalloc, what, member, KMEM_FIRST_OF_(__VA_ARGS__, ), KMEM_SECOND_OF_(__VA_ARGS__, GFP_KERNEL, ))

#endif
