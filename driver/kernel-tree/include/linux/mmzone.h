/* Adds a name that the kernel's <linux/node.h> uses. */
#include_next <linux/mmzone.h>
#ifndef KMEM_TREE_LINUX_MMZONE_H
#define KMEM_TREE_LINUX_MMZONE_H
enum meminit_context { MEMINIT_EARLY, MEMINIT_HOTPLUG };
#endif
