/* The configuration under which a kernel's sources are compiled: a 64-bit machine of many CPUs and nodes, with the locks of a
 * preemptible kernel.  Add words with -DCONFIG_... on the command line. */
#define CONFIG_64BIT 1
#define CONFIG_SMP 1
#define CONFIG_MMU 1
#define CONFIG_HZ 1000
#define CONFIG_NUMA 1
#define CONFIG_PRINTK 1
#define CONFIG_BUG 1
#define CONFIG_MODULES 1
#define CONFIG_BLOCK 1
#define CONFIG_NET 1
#define CONFIG_PROC_FS 1
#define CONFIG_SYSFS 1
#define CONFIG_BASE_SMALL 0
#define CONFIG_PHYS_ADDR_T_64BIT 1
#define CONFIG_ARCH_DMA_ADDR_T_64BIT 1
#define CONFIG_NEED_SG_DMA_LENGTH 1
#define CONFIG_PGTABLE_LEVELS 4
#define CONFIG_LOG_BUF_SHIFT 17
#define CONFIG_ILLEGAL_POINTER_VALUE 0xdead000000000000
#define CONFIG_INTERVAL_TREE 1
#define CONFIG_XARRAY_MULTI 1
#define CONFIG_GENERIC_ALLOCATOR 1
#define CONFIG_GENERIC_CSUM 1
#define CONFIG_NR_CPUS 256
#define CONFIG_NODES_SHIFT 6
