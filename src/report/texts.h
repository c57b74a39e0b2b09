#pragma once
// The reports, each in the format of the kernel's file of the same name, so that programs written for those read
// these: slabtop, node exporters, awk scripts.  A buffer that is too small gets the beginning; Text::cut() tells.

#include "base/format.h"
#include "report/snapshot.h"

namespace kmem {

/// /proc/slabinfo, version 2.1.  White space in a cache's name, which would shift the columns, becomes '_'.
void put_slabinfo(Text& out, const SystemSnapshot& system);

/// /proc/buddyinfo: free blocks of each order.  Zones without pages are left out, as the kernel does.
void put_buddyinfo(Text& out, const SystemSnapshot& system);

/// /proc/zoneinfo, with nr_free_clean and nr_free_dirty among the zone's counters.  No "per-node stats".
void put_zoneinfo(Text& out, const SystemSnapshot& system);

/// /proc/pagetypeinfo.  Frames are not grouped by mobility here: all of them are reported as Unmovable, which is
/// what the kernel reports when it has grouping switched off.
void put_pagetypeinfo(Text& out, const SystemSnapshot& system);

/// /proc/meminfo: the kernel's lines if they have the same meaning, then kmem's own, which begin with "Kmem".
void put_meminfo(Text& out, const SystemSnapshot& system);

/// /proc/vmallocinfo: the areas of the vmalloc window by address.  Callers are shown as addresses, without symbols.
void put_vmallocinfo(Text& out, const SystemSnapshot& system);

/// /proc/iomem, only its memory: ranges of RAM, and the reservations in them with their names.
void put_iomem(Text& out, const SystemSnapshot& system);

/// All of the snapshot as one JSON object; docs/statistics.md names the members.
void put_json(Text& out, const SystemSnapshot& system);

/// "rseq", "per-thread" or "sim".
const char* name_of(CpuStackMode mode);

}  // namespace kmem
