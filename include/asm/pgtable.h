#ifndef KMEM_ASM_PGTABLE_H
#define KMEM_ASM_PGTABLE_H
/* The address range of vmalloc() and ioremap(), and the protection of mappings (<asm/pgtable_types.h>).
 *
 * There are no functions to walk page tables: in a process they are the host's.
 * Meaning: Linux Device Drivers, 3rd edition, chapter 8; the kernel's Documentation/arch/x86/x86_64/mm.rst. */
#include <asm/page.h>
#include <asm/pgtable_types.h>
#include <kmem/c_face.h>

KMEM_BEGIN_C

KMEM_API unsigned long kmem_vmalloc_start(void) KMEM_NOTHROW;
KMEM_API unsigned long kmem_vmalloc_end(void) KMEM_NOTHROW;

KMEM_END_C

/** The first address of the window and the one behind its last; not constants in a process. Equal if there is no room for a
 *  window.  Any context. */
#define VMALLOC_START kmem_vmalloc_start()
#define VMALLOC_END kmem_vmalloc_end()
#define VMALLOC_TOTAL (VMALLOC_END - VMALLOC_START)

#endif
