#pragma once
// Facet memory: what the machine gives and takes back.  Each function may be called in any context (task, atomic, interrupt)
// unless its comment says otherwise; so in the other facets.

#include "base/types.h"

namespace kmem {
struct Machine;
/// Result of kmem_port_room() if there is no limit.
inline constexpr uint64_t kNoBound = ~uint64_t{0};
/// Of kmem_port_protect().
enum class Protection : uint8_t { Open, Closed };
/// Was kmem_port_guard() called for a part of the range that is unmapped?
enum class Guards : uint8_t { None, Some };
/// Of kmem_port_online().
enum class Online : uint8_t {
  Done,
  Refused,  // the host has no more, now
  Taken,    // another mapping has these addresses; permanent
};
}  // namespace kmem

extern "C" {

/// Fills in the facts of this machine. Called once, by the first allocation, before any other function of the port; and
/// once more in the child of a fork that happened during the call. Allocates nothing from kmem. Returns false if kmem
/// cannot run on the machine; the port has then logged why.
bool kmem_port_boot(kmem::Machine* machine);
/// Calls the program's functions that must run before the page allocator starts, if there are any. Once, at boot.
void kmem_port_early(void);
/// Makes the host pages behind [address, address + bytes) usable, zeroed on first touch.
kmem::Online kmem_port_online(void* address, size_t bytes);
/// Asks the host to take the pages of a range, which is not touched yet, from a node; a hint. Called only if
/// Machine::binds_nodes is set.
bool kmem_port_bind(void* address, size_t bytes, unsigned node);
/// Returns the host pages of a range to the host; the range stays usable and reads as zero afterwards. False if the
/// host refuses; the contents are then unspecified, so the frames must not be taken for zero.
bool kmem_port_discard(void* address, size_t bytes);
/// Asks the host to make a range resident in one step, as far as it can; a hint.
void kmem_port_populate(void* address, size_t bytes);
/// Makes a range, a block of 2 MiB, resident now, by one huge page if the host has one. True if all of it is resident
/// afterwards: only then the caller may count it so. Contents stay; what was not resident reads as zero before and after.
/// If parts of it are given back later, the host must not fill these holes by itself.
bool kmem_port_huge(void* address, size_t bytes);
/// Makes host pages of a usable range accessible or inaccessible. Contents stay. False if the host cannot.
bool kmem_port_protect(void* address, size_t bytes, kmem::Protection protection);
/// Maps address space with zeroed memory, outside the frames; the caller unmaps it. Null if there is none.
void* kmem_port_map(size_t bytes, size_t align);
/// Unmaps what kmem_port_map() returned.
void kmem_port_unmap(void* address, size_t bytes, kmem::Guards guards = kmem::Guards::None);
/// Grows or shrinks a mapping of kmem_port_map(), by moving page tables instead of contents; it may move when it grows.
/// Null: it failed, and the old mapping is unchanged.
void* kmem_port_remap(void* address, size_t old_bytes, size_t new_bytes);
/// Makes a range of kmem_port_map() permanently inaccessible: its contents are gone, its addresses stay reserved until
/// kmem_port_unmap(). False if the host cannot; nothing has changed then.
bool kmem_port_guard(void* address, size_t bytes);
/// Takes a range of the program's own address space, whole host pages, out of use: it may not be written any more, reads
/// as zero or not at all, and no memory is kept for it.  A hint.
void kmem_port_close(void* address, size_t bytes);
/// Maps a file's first bytes as memory that is shared with every process that does the same, also with later ones;
/// extends the file if it is shorter. Null on failure. At boot only.
void* kmem_port_share(const char* file, size_t bytes);
/// Begins to watch for the host's report that memory is short; false if the host does not report it. Task context,
/// once.
bool kmem_port_watch_pressure(void);
/// Has the host reported that since the last call? Waits for a report up to `wait_ns` (kForever: without end). Task
/// context.
bool kmem_port_pressure(uint64_t wait_ns);
/// Bytes that remain of the memory limit that this process shares with others (Machine::limited), less a margin for
/// memory that is not kmem's; kNoBound if there is no limit or the host does not tell it. Reads files: tens of
/// microseconds. Task context, one task at a time.
uint64_t kmem_port_room(void);
}
