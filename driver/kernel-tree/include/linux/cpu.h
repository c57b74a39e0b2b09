#ifndef KMEM_TREE_LINUX_CPU_H
#define KMEM_TREE_LINUX_CPU_H
/* No CPU comes or goes: nobody is kept from it. */
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/smp.h>
#define cpus_read_lock() ((void)0)
#define cpus_read_unlock() ((void)0)
#define get_online_cpus() ((void)0)
#define put_online_cpus() ((void)0)
#endif
