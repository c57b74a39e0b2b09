#pragma once
// What the core asks of the world, and all of it.  A port defines these functions; nothing else crosses.
// Each may be called in any context (task, atomic, interrupt) unless it says otherwise.

#include "base/types.h"

namespace kmem {
struct Machine;
struct SavedStack;
inline constexpr uint64_t kForever = ~uint64_t{0};
/// Of kmem_port_room().
inline constexpr uint64_t kNoBound = ~uint64_t{0};

/// What a checker of the host (valgrind, AddressSanitizer) is told of a range of memory.
enum class Tell : uint8_t {
  Closed,      // nobody has it
  Open,        // ours again, as memory of no particular meaning
  Given,       // a block of the program's from now on, not written yet
  GivenWhole,  // the same, and what it holds counts
  Taken,       // the block was given back
};

/// An access that the machine refused.
struct BadAccess {
  const void* address;
  bool write;
  const void* state;  // the port's: where the processor was
};
enum class Access : uint8_t { Read, ReadWrite };
}

extern "C" {

/// The facts of this machine.  Called once, by the first allocation, before anything else of the port; and once more in the
/// child of a fork that came in the middle.
/// Allocates nothing from kmem.  False where the machine cannot carry kmem; the port has then logged why.
bool kmem_port_boot(kmem::Machine* machine);

/// Makes the host pages behind [address, address + bytes) usable, zeroed on first touch.
/// False where the host has no more; nothing has changed then.
bool kmem_port_online(void* address, size_t bytes);

/// Asks the host to take the pages of a range, not touched yet, from a node; a hint.  Where Machine::binds_nodes is set.
bool kmem_port_bind(void* address, size_t bytes, unsigned node);

/// Gives the host pages behind a range back; the range stays usable and reads as zero afterwards.
/// False where the host refuses; contents are then unspecified and the frames are not known to be zero.
bool kmem_port_discard(void* address, size_t bytes);

/// Asks the host to have a range resident in one step, as far as it can; a hint.
void kmem_port_populate(void* address, size_t bytes);

/// Asks the host to back a range, a block of 2 MiB, by one huge page now, in the course of touching `place`, a page in it
/// that the caller owns and nobody has touched; a hint.  The range reads as zero afterwards as before.  What is given back
/// of it later must stay given back: the host is not to fill holes by itself.
void kmem_port_huge(void* address, size_t bytes, void* place);

/// Address space with zeroed memory of its own, outside the frames; null where there is none.
void* kmem_port_map(size_t bytes, size_t align);
void kmem_port_unmap(void* address, size_t bytes);
/// Grows or shrinks what map() gave, moving page tables instead of contents; null leaves the old one as it was.
void* kmem_port_remap(void* address, size_t old_bytes, size_t new_bytes, bool may_move);

/// Opens or closes host pages of a range that is usable: an access to closed ones is refused.  Contents stay.
/// False where the host cannot.
bool kmem_port_protect(void* address, size_t bytes, bool open);
/// Has `caught` called, in an interrupt, when the machine refuses an access.  True: the access is to be repeated.  False:
/// it goes to whoever would have got it without us.  Unless `share`, only where nobody else wants such accesses.
/// False: it will not be called.  Not in interrupts.
bool kmem_port_catch_accesses(bool (*caught)(const kmem::BadAccess& access), bool share);
/// Is it still called?  A program may put a handler of its own in its place at any time.
bool kmem_port_catches_accesses(void);
/// Where the access happened, then its callers; as kmem_port_backtrace().
unsigned kmem_port_backtrace_of(const kmem::BadAccess* access, void** frames, unsigned max);

// The window of vmap: address space apart from the frames.  Ranges are multiples of the host's page.

/// Address space without access, for open() and its kin, to be given back by unmap(); null where there is none.
void* kmem_port_window_reserve(size_t bytes, size_t align);
/// Makes reserved addresses usable; they read as zero.  With `huge` the host may use huge pages for them.
/// False where the host has no more mappings or memory; nothing has changed then.
bool kmem_port_window_open(void* address, size_t bytes, kmem::Access access, bool huge);
/// Another access to pages that are open.
bool kmem_port_window_access(void* address, size_t bytes, kmem::Access access);
/// The contents go, and whoever touches the range faults.  False: the contents went, and the range can still be touched.
bool kmem_port_window_close(void* address, size_t bytes);
/// The same for a few pages within ranges that are open, without a mapping of their own for each.  False, and nothing was
/// done, where the host has no such thing.
bool kmem_port_window_guard(void* address, size_t bytes);
/// Has anybody touched these pages since open() or discard()?  May say no where the host cannot tell.
bool kmem_port_window_touched(const void* address, size_t bytes);
/// Moves contents, or the pages that hold them, from one range to another; `from` reads as zero afterwards.  In the window
/// `to` is reserved and becomes usable.  False where the host refuses; then all of it is where it was.
bool kmem_port_window_move(void* to, void* from, size_t bytes);
/// Shows the frames at `from`, of the direct map, at `to` as well.  False where the machine cannot (Machine::can_alias).
bool kmem_port_window_alias(void* to, void* from, size_t bytes, kmem::Access access);
/// From now on, or no longer, nobody may touch the range, which stays as it is otherwise: for ports that find out who does.
void kmem_port_window_idle(void* address, size_t bytes, bool idle);

/// Takes a range of the program's own address space, whole host pages, out of use: it may not be written any more, reads
/// as zero or not at all, and no memory is kept for it.  A hint.
void kmem_port_close(void* address, size_t bytes);

/// Which CPUs the host has now, or runs now: one bit a CPU into `mask`, room for `words` of 64.  False where it cannot say.
bool kmem_port_cpus(bool online, uint64_t* mask, unsigned words);
/// Keeps this task, and those that it starts from now on, to the first `nr` of the CPUs that it may run on; the others are
/// not online any more.  How many they are, 0 where the host does not let it.  At boot.
uint32_t kmem_port_keep_to_cpus(uint32_t nr);

/// Tells the checker (Machine::checker) about a range; a block by the address and size that it was given with.
void kmem_port_tell(kmem::Tell what, const void* address, size_t bytes);

/// Waits until every restartable sequence that ran on any CPU when this was called has ended or will restart.
/// False where the host cannot say.
bool kmem_port_fence_cpus(void);

/// Has these called before every fork, and after it in the parent and in the child.  Called once, when kmem is up; not in
/// interrupts.
void kmem_port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/// Sleeps until somebody wakes the word, or it is not `expected`, or the clock reaches `deadline_ns` (kForever: never).
/// It may also return for no reason: look again.  Task context only.
void kmem_port_wait(const uint32_t* word, uint32_t expected, uint64_t deadline_ns);
/// Wakes up to `most` tasks that wait on the word, in the order in which they came as far as the host keeps it.
void kmem_port_wake(const uint32_t* word, uint32_t most);
/// Does the caller run in an interrupt: a signal handler, on whatever stack?  Found out, not declared, so it takes its time
/// (microseconds); for who is about to sleep or to complain.
bool kmem_port_in_interrupt(void);
/// Keeps interrupts off this task: the signals that a handler could run for, but not those that an instruction raises.
/// What the answer says is for irq_restore(), which lets them in again, those that came meanwhile first.
uint64_t kmem_port_irq_save(void);
void kmem_port_irq_restore(uint64_t flags);

/// Starts a thread of kmem's own, which takes no signals and runs body(argument) to its end.  False where the host cannot.
/// Task context, not before the host's own start is over.
bool kmem_port_spawn(void (*body)(void*), void* argument);

/// Begins to listen for the host's word that memory is short; false where it was not asked to give one.  Task context, once.
bool kmem_port_watch_pressure(void);
/// Has the host given it since it was last asked?  Waits for it up to so long (kForever: until it comes).  Task context.
bool kmem_port_pressure(uint64_t wait_ns);

/// Bytes that are left of the limit on memory that this process shares with others (Machine::limited), a margin for what is
/// not kmem's left out; kNoBound where there is none, or nobody says.  Reads files: tens of microseconds.  Task context, one
/// task at a time.
uint64_t kmem_port_room(void);

/// Nanoseconds on a clock that does not go back.
uint64_t kmem_port_now_ns(void);
/// Calls what the program wants to have run before the page allocator begins, if there is such a thing.  Once, at boot.
void kmem_port_early(void);
/// The same clock as it stood some milliseconds ago: costs next to nothing.
uint64_t kmem_port_tick_ns(void);
/// Random bits for seeds; may be weak early.
uint64_t kmem_port_entropy(void);
/// Return addresses of the callers, innermost first, without allocation; 0 where it cannot be told.
unsigned kmem_port_backtrace(void** frames, unsigned max);
/// Where the code at an address came from: the file that it was loaded from, and the place in it.  False where it cannot
/// be told.  Takes its time (it may read files); allocates nothing.
bool kmem_port_locate(const void* address, char* file, size_t room, uint64_t* offset);
/// The caller's stack, for a debugger to walk afterwards (port/saved_stack.h).  False where that is not to be had.
bool kmem_port_save_stack(kmem::SavedStack* out);
/// A file's first bytes as memory that whoever else does the same shares, processes that are started later too; the file
/// is made longer where it is shorter.  Null where that cannot be.  At boot only.
void* kmem_port_share(const char* file, size_t bytes);
/// The function that `code` lies in, as "name+0x12/0x340", cut to fit and terminated; its length, 0 where none is known.
/// Slow, for reports; allocates nothing.
size_t kmem_port_name_code(const void* code, char* out, size_t bytes);
/// The process that calls: another number in the child of a fork.  1 on a machine that has no such thing.
uint32_t kmem_port_process_id(void);
/// The task that calls: its number, which in a process with one task is the process', and its name.
uint32_t kmem_port_task_id(void);
size_t kmem_port_task_name(char* out, size_t bytes);
/// Makes a range that kmem_port_map() gave unreadable, for good: its contents are gone, its addresses stay taken until
/// kmem_port_unmap().  False where the host cannot, and nothing has changed.
bool kmem_port_guard(void* address, size_t bytes);
/// Copies memory that may not be there, or end early; the bytes that were.
size_t kmem_port_read(const void* from, void* to, size_t bytes);
/// Calls look(arg, result) in a copy of this machine that stands still, and waits for its end.  What it writes stays in the
/// copy, but for `bytes` (up to a page) at `result`, zero at first.  False where no copy can be had, or it came to grief.
/// Task context only.
bool kmem_port_with_copy(void (*look)(void* arg, void* result), void* arg, void* result, size_t bytes);
/// Calls visit(arg, at, words, n) for all memory outside of kmem's in which a program can keep pointers: data, stacks,
/// what it mapped itself; at most a page at a time.  `stack`: of the caller's stack only what lies above.
void kmem_port_each_root(void (*visit)(void* arg, const char* at, const uint64_t* words, size_t n), void* arg, const void* stack);
/// Writes text to an open file of the program's, by its number.
void kmem_port_write(int file, const char* text, size_t bytes);
/// Writes a report where people look for it.
void kmem_port_log(const char* text, size_t bytes);
[[noreturn]] void kmem_port_panic(void);
}
