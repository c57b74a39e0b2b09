#ifndef KMEM_LINUX_LIST_SORT_H
#define KMEM_LINUX_LIST_SORT_H
/* Sorting a list: merge sort, stable, without memory.  `compare` above 0: a belongs behind b.  Any context. */
#include <kmem/driver_face.h>
#include <linux/list.h>

typedef int (*list_cmp_func_t)(void* context, const struct list_head* a, const struct list_head* b);
KMEM_BEGIN_C
KMEM_API void list_sort(void* context, struct list_head* head, list_cmp_func_t compare) KMEM_DRIVER_NAME(list_sort);
KMEM_END_C

#endif
