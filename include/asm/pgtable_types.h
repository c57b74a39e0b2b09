#ifndef KMEM_ASM_PGTABLE_TYPES_H
#define KMEM_ASM_PGTABLE_TYPES_H
/* The protection of mappings, for vmap() and related functions.
 *
 * A process can forbid writing; the host decides about caching, so the other values mean the same as PAGE_KERNEL for memory. */

typedef struct {
  unsigned long pgprot;
} pgprot_t;

#define pgprot_val(protection) ((protection).pgprot)
#ifdef __cplusplus
#define __pgprot(value) (pgprot_t{(unsigned long)(value)})
#else
#define __pgprot(value) ((pgprot_t){(value)})
#endif

/** Bits of a pgprot_t. */
#define KMEM_PROT_READ_ONLY 1UL
#define KMEM_PROT_UNCACHED 2UL
#define KMEM_PROT_WRITE_COMBINE 4UL

#define PAGE_KERNEL __pgprot(0)
#define PAGE_KERNEL_RO __pgprot(KMEM_PROT_READ_ONLY)
#define PAGE_KERNEL_NOCACHE __pgprot(KMEM_PROT_UNCACHED)
#define pgprot_noncached(protection) __pgprot(pgprot_val(protection) | KMEM_PROT_UNCACHED)
#define pgprot_writecombine(protection) __pgprot(pgprot_val(protection) | KMEM_PROT_WRITE_COMBINE)

#endif
