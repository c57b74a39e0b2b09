#ifndef KMEM_STATS_H
#define KMEM_STATS_H
/* The state of kmem as text, in the formats of the kernel's files of the same names, for programs that read those (slabtop, awk
 * scripts, exporters); and the whole state as JSON.
 *
 * Each writes at most `size` bytes, including a terminating NUL, and returns the length of the whole text without the NUL, as
 * snprintf() does: call it first with NULL and 0 for the length, then with some room to spare. Returns 0 if another caller is
 * running.  Allocates nothing; any context that can afford 8 KiB of stack. What the lines mean: the kernel's proc(5) manual
 * page, and docs/statistics.md. */
#include <kmem/c_face.h>
#include <stddef.h>

KMEM_BEGIN_C

KMEM_API size_t kmem_slabinfo(char* buffer, size_t size) KMEM_NOTHROW;
KMEM_API size_t kmem_buddyinfo(char* buffer, size_t size) KMEM_NOTHROW;
KMEM_API size_t kmem_zoneinfo(char* buffer, size_t size) KMEM_NOTHROW;
KMEM_API size_t kmem_pagetypeinfo(char* buffer, size_t size) KMEM_NOTHROW;
KMEM_API size_t kmem_meminfo(char* buffer, size_t size) KMEM_NOTHROW;
KMEM_API size_t kmem_vmallocinfo(char* buffer, size_t size) KMEM_NOTHROW;
KMEM_API size_t kmem_json(char* buffer, size_t size) KMEM_NOTHROW;

/** The kernel's /sys/kernel/debug/kfence/stats: the number of objects placed between guard pages, and of mistakes found. */
KMEM_API size_t kmem_kfence_stats(char* buffer, size_t size) KMEM_NOTHROW;

/** Gives memory that no CPU, cache or zone needs back to the host; returns the number of bytes.  May sleep: task context. */
KMEM_API size_t kmem_trim(void) KMEM_NOTHROW;

/** If the host has reported memory pressure (MEMORY_PRESSURE_WATCH, docs/reclaim.md), reclaims some memory from caches and
 *  shrinkers, gives free memory back to the host, and returns 1; else 0. For a program's main loop: otherwise only allocations
 *  check now and then.  May sleep: task context. */
KMEM_API int kmem_pressure_poll(void) KMEM_NOTHROW;

/** How many mistakes were reported so far: what begins with BUG or WARNING in the log. Those that a rate limit held back count
 *  too; leaks do not.  Any context. */
KMEM_API unsigned long kmem_reports(void) KMEM_NOTHROW;

KMEM_END_C

#endif
