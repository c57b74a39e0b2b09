#pragma once
// Facet diagnosis: the log, stack traces and symbols, accesses that fault, and reading memory that is not kmem's.

#include "base/types.h"

namespace kmem {
struct SavedStack;
/// What a checker of the host (valgrind, AddressSanitizer) is told of a range of memory.
enum class Tell : uint8_t {
  Closed,      // no code may access it
  Open,        // kmem may access it; its contents have no meaning
  Given,       // from now on a block of the program, not initialised
  GivenWhole,  // the same, initialised
  Taken,       // the block was freed
};
/// May there be another handler of refused accesses?
enum class Handlers : uint8_t { Alone, Shared };
/// An access that the machine refused.
struct BadAccess {
  const void* address;
  bool write;
  const void* state;  // the port's: where the processor was
};
}  // namespace kmem

extern "C" {

/// Writes a report to the place where users expect it.
void kmem_port_log(const char* text, size_t bytes);
/// Writes text to an open file of the program, given by its descriptor.
void kmem_port_write(int file, const char* text, size_t bytes);
[[noreturn]] void kmem_port_panic(void);
/// Writes the callers' return addresses, innermost first, without allocation. Returns their number, 0 if they are
/// unknown.
unsigned kmem_port_backtrace(void** frames, unsigned max);
/// Returns how many of the frames, from the first on, are return addresses into kmem's own library. 0 if kmem is part of the
/// program.
unsigned kmem_port_own_frames(void* const* frames, unsigned nr);
/// Writes the table of mapped files, as in /proc/PID/maps, to an open file of the program. Nothing if the port has none.
void kmem_port_write_mappings(int file);
/// Semaphores of the probes otel_memory:alloc and otel_memory:free: not zero while a tracer listens.
extern __attribute__((visibility("hidden"))) volatile unsigned short otel_memory_alloc_semaphore, otel_memory_free_semaphore;
/// The probes: a sampled block was allocated, with the number of allocated bytes that it stands for; a sampled block was freed.
void kmem_port_probe_alloc(const void* p, size_t size, uint64_t weight);
void kmem_port_probe_free(const void* p);
/// The function that `code` lies in, as "name+0x12/0x340", cut to fit and terminated; its length, 0 if none is known.
/// Slow, for reports; allocates nothing.
size_t kmem_port_name_code(const void* code, char* out, size_t bytes);
/// Does the address lie in read-only data of the program or a loaded library, such as a string literal? False if that
/// is unknown. Any context.
bool kmem_port_is_constant(const void* address);
/// The file from which the code at an address was loaded, and the offset in it. False if that is unknown. Slow (it may
/// read files); allocates nothing.
bool kmem_port_locate(const void* address, char* file, size_t room, uint64_t* offset);
/// Saves the caller's stack, for a debugger to walk afterwards (port/saved_stack.h). False if the port cannot.
bool kmem_port_save_stack(kmem::SavedStack* out);
/// Calls `caught`, in an interrupt, when the machine refuses an access. If `caught` returns true, the access is
/// repeated; if false, the access goes to the handler that would have got it without kmem. Alone it works
/// only if there is no other handler. Returns false if `caught` will not be called. Not in interrupts.
bool kmem_port_catch_accesses(bool (*caught)(const kmem::BadAccess& access), kmem::Handlers handlers);
/// Is `caught` still called? A program may replace it with a handler of its own at any time.
bool kmem_port_catches_accesses(void);
/// The instruction that made the access, then its callers; as kmem_port_backtrace().
unsigned kmem_port_backtrace_of(const kmem::BadAccess* access, void** frames, unsigned max);
/// Tells the checker (Machine::checker) about a range; a block has the address and size with which it was allocated.
void kmem_port_tell(kmem::Tell what, const void* address, size_t bytes);
/// Copies memory that may be unmapped, or mapped only in part. Returns the number of bytes copied.
size_t kmem_port_read(const void* from, void* to, size_t bytes);
/// Calls look(arg, result) in a stopped copy of this machine, and waits for its end. Its writes stay in the copy,
/// except for `bytes` (up to a page) at `result`, zero at first. False if the machine cannot be copied, or if the copy
/// crashed. Task context only.
bool kmem_port_with_copy(void (*look)(void* arg, void* result), void* arg, void* result, size_t bytes);
/// Calls visit(arg, at, words, n) for all memory outside of kmem in which a program can keep pointers: data, stacks,
/// its own mappings; at most a page at a time. `stack`: only the part of the caller's stack above this address.
void kmem_port_each_root(void (*visit)(void* arg, const char* at, const uint64_t* words, size_t n), void* arg,
                         const void* stack);
}
