#ifndef KMEM_STATS_H
#define KMEM_STATS_H
/* The state of kmem as text, in the formats of the kernel's files of the same names, so that programs that read those
 * (slabtop, awk scripts, exporters) read these; and all of it as JSON.
 *
 * Each writes at most `size` bytes, a NUL at the end among them, and answers the length of the whole text without the
 * NUL, as snprintf() does: a first call with NULL and 0 measures; a second should bring some room to spare.  0 where
 * another caller is at it.  Allocates nothing; any context that can afford 8 KiB of stack.
 * What the lines mean: the kernel's proc(5) manual page, and docs/statistics.md. */
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

/** The kernel's /sys/kernel/debug/kfence/stats: how often an object was placed between guard pages, and what that found. */
KMEM_API size_t kmem_kfence_stats(char* buffer, size_t size) KMEM_NOTHROW;

/** Gives what no CPU, cache or zone needs back to the host; the number of bytes that went. */
KMEM_API size_t kmem_trim(void) KMEM_NOTHROW;

/** Has the host said that memory is short (MEMORY_PRESSURE_WATCH, docs/reclaim.md)?  Then caches and shrinkers give some
 *  back, and what is free goes to the host: 1; else 0.  For a program's main loop: without it allocations ask now and then,
 *  and a program that does not allocate does not hear.  Task context. */
KMEM_API int kmem_pressure_poll(void) KMEM_NOTHROW;

KMEM_END_C

#endif
