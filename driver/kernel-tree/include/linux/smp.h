/* Adds the types of <linux/smp_types.h>, which other kernel headers use. */
#include_next <linux/smp.h>
#ifndef KMEM_TREE_LINUX_SMP_H
#define KMEM_TREE_LINUX_SMP_H
#include <linux/smp_types.h>
typedef struct __call_single_data {
  struct __call_single_node node;
  void (*func)(void* info);
  void* info;
} call_single_data_t;
typedef void (*smp_call_func_t)(void* info);
#endif
