#ifndef KMEM_LINUX_BITFIELD_H
#define KMEM_LINUX_BITFIELD_H
/* Fields of numbers, by a constant mask of adjacent bits. */
#include <asm/byteorder.h>
#include <linux/build_bug.h>

#define __bf_shf(mask) __builtin_ctzll(mask)
#define FIELD_MAX(mask) ((__typeof__((mask) + 0))((mask) >> __bf_shf(mask)))
/** Does the value fit? */
#define FIELD_FIT(mask, value) (!(((__typeof__((mask) + 0))(value) << __bf_shf(mask)) & ~(mask)))
/** Shifts a value into the field; reads the field's value; replaces the field. */
#define FIELD_PREP(mask, value) (((__typeof__((mask) + 0))(value) << __bf_shf(mask)) & (mask))
#define FIELD_PREP_CONST(mask, value) FIELD_PREP(mask, value)
#define FIELD_GET(mask, reg) ((__typeof__((mask) + 0))(((reg) & (mask)) >> __bf_shf(mask)))
#define FIELD_MODIFY(mask, pointer, value) (*(pointer) = (*(pointer) & ~(mask)) | FIELD_PREP(mask, value))

#define KMEM_FIELD_OF_(type, wide, to, from)                                                                             \
  static inline type type##_encode_bits(wide value, wide mask) { return (type)to((value << __bf_shf(mask)) & mask); }    \
  static inline type type##_replace_bits(type old, wide value, wide mask) {                                              \
    return (type)((old & (type)~to(mask)) | type##_encode_bits(value, mask));                                            \
  }                                                                                                                      \
  static inline void type##p_replace_bits(type* p, wide value, wide mask) { *p = type##_replace_bits(*p, value, mask); } \
  static inline wide type##_get_bits(type value, wide mask) { return (wide)((from(value) & mask) >> __bf_shf(mask)); }
#define KMEM_FIELD_AS_IS_(x) (x)
KMEM_FIELD_OF_(u8, u8, KMEM_FIELD_AS_IS_, KMEM_FIELD_AS_IS_)
KMEM_FIELD_OF_(u16, u16, KMEM_FIELD_AS_IS_, KMEM_FIELD_AS_IS_)
KMEM_FIELD_OF_(u32, u32, KMEM_FIELD_AS_IS_, KMEM_FIELD_AS_IS_)
KMEM_FIELD_OF_(u64, u64, KMEM_FIELD_AS_IS_, KMEM_FIELD_AS_IS_)
#undef KMEM_FIELD_AS_IS_
#undef KMEM_FIELD_OF_
#endif
