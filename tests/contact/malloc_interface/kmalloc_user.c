// The kernel's names, in a file of their own: beside libc's headers.
#include <linux/slab.h>

void* ask_kmalloc(size_t size);
void give_kfree(void* p);

void* ask_kmalloc(size_t size) { return kmalloc(size, GFP_KERNEL); }
void give_kfree(void* p) { kfree(p); }
