#ifndef KMEM_LINUX_BITMAP_H
#define KMEM_LINUX_BITMAP_H
/* Memory for bitmaps, by the number of bits; of the kernel's operations on bitmaps kmem has only clearing and filling. Flags
 * and contexts as for kmalloc(); bitmap_free(): any context. */
#include <linux/slab.h>

#ifndef BITS_PER_LONG
#define BITS_PER_LONG (8 * (int)sizeof(long))
#endif
#ifndef BITS_TO_LONGS
#define BITS_TO_LONGS(bits) DIV_ROUND_UP(bits, 8 * sizeof(long))
#endif
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]
#include <linux/math.h>

KMEM_BEGIN_C

static inline unsigned long* bitmap_alloc_node(unsigned int bits, gfp_t flags, int nid) {
  return (unsigned long*)kmalloc_array_node(BITS_TO_LONGS(bits), sizeof(unsigned long), flags, nid);
}
static inline unsigned long* bitmap_zalloc_node(unsigned int bits, gfp_t flags, int nid) {
  return bitmap_alloc_node(bits, flags | __GFP_ZERO, nid);
}
static inline unsigned long* bitmap_alloc(unsigned int bits, gfp_t flags) {
  return (unsigned long*)kmalloc_array(BITS_TO_LONGS(bits), sizeof(unsigned long), flags);
}
static inline unsigned long* bitmap_zalloc(unsigned int bits, gfp_t flags) { return bitmap_alloc(bits, flags | __GFP_ZERO); }
static inline void bitmap_free(const unsigned long* bitmap) { kfree(bitmap); }
static inline void bitmap_zero(unsigned long* bitmap, unsigned int bits) {
  __builtin_memset(bitmap, 0, BITS_TO_LONGS(bits) * sizeof(unsigned long));
}
static inline void bitmap_fill(unsigned long* bitmap, unsigned int bits) {
  __builtin_memset(bitmap, 0xff, BITS_TO_LONGS(bits) * sizeof(unsigned long));
}

KMEM_END_C

DEFINE_FREE(bitmap, unsigned long*, if (!IS_ERR_OR_NULL(_T)) bitmap_free(_T))

#endif
