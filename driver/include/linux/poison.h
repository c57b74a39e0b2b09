#ifndef KMEM_LINUX_POISON_H
#define KMEM_LINUX_POISON_H
/* Values written to memory that must not be used any more. */
#include <linux/list.h>
#define POISON_INUSE 0x5a
#define POISON_FREE 0x6b
#define POISON_END 0xa5
#define SLUB_RED_INACTIVE 0xbb
#define SLUB_RED_ACTIVE 0xcc
#define TIMER_ENTRY_STATIC ((void*)0x300)
#define KEY_DESTROY 0xbd
#endif
