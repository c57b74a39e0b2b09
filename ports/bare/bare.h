#pragma once
// Shared by the files of this port. The folder of each processor defines the part marked below.

#include <stdarg.h>

#include "base/atomic.h"
#include "base/types.h"
#include "kmem_port/bare_cpu.h"
#include "port/diagnosis.h"
#include "port/machine.h"

namespace bare {

using kmem::kPageSize;

#ifdef __i386__
// The address layout, all in the lower half: the image at 1 MiB, then these; the direct map last, so that no other address
// looks like one of its frames'.  With room for 8 GiB of physical memory.
inline constexpr uint64_t kFixed = 0x0600'0000;  // registers of the machine's own devices
inline constexpr uint64_t kShown = 0x0610'0000;  // frames of high memory that are shown
inline constexpr uint64_t kMetadata = 0x0700'0000;
inline constexpr uint64_t kBase = 0x0840'0000;  // port/layout.h: from 2 MiB below to 24 MiB above
inline constexpr uint64_t kDescriptors = 0x0a00'0000;
inline constexpr uint64_t kWindow = 0x1200'0000;  // reserve() and map()
inline constexpr uint64_t kWindowEnd = 0x4800'0000;
inline constexpr uint64_t kDirectMap = 0x4800'0000;
inline constexpr uint64_t kLowMemory = 0x8000'0000 - kDirectMap, kMostMemory = uint64_t{8} << 30;
#else
// The address layout. All in the lower half, as in a process; with room for about 8 TiB of physical memory.
inline constexpr uint64_t kDirectMap = uint64_t{16} << 40;
inline constexpr uint64_t kBase =
    (uint64_t{32} << 40) + (uint64_t{512} << 20);  // port/layout.h: from 257 MiB below to 4 GiB above
inline constexpr uint64_t kDescriptors = uint64_t{33} << 40;
inline constexpr uint64_t kMetadata = uint64_t{34} << 40;
inline constexpr uint64_t kFixed = uint64_t{35} << 40;   // registers of the machine's own devices
inline constexpr uint64_t kWindow = uint64_t{48} << 40;  // reserve() and map()
inline constexpr uint64_t kWindowEnd = uint64_t{64} << 40;
#endif

/// A lock that keeps interrupts off while it is held; for a few instructions, or to clear memory.
class SpinLock {
 public:
  uint64_t lock() {
    const uint64_t flags = irq_save();
    while (__atomic_exchange_n(&held_, true, __ATOMIC_ACQUIRE)) relax();
    return flags;
  }
  void unlock(uint64_t flags) {
    __atomic_store_n(&held_, false, __ATOMIC_RELEASE);
    irq_restore(flags);
  }

 private:
  bool held_ = false;
};
class Locked {
 public:
  explicit Locked(SpinLock& lock) : lock_(lock), flags_(lock.lock()) {}
  ~Locked() { lock_.unlock(flags_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  SpinLock& lock_;
  uint64_t flags_;
};

// Firmware ------------------------------------------------------------------------------------------------

struct Range {
  uint64_t start = 0, end = 0;
  uint32_t node = 0;
};
inline constexpr unsigned kMostRanges = 64;
/// A sorted list of ranges that do not overlap.
struct Ranges {
  Range all[kMostRanges];
  unsigned nr = 0;
  void add(uint64_t start, uint64_t end, uint32_t node = 0);
  void remove(uint64_t start, uint64_t end);
  bool contains(uint64_t at) const;
};

struct Firmware {
  Ranges ram;                     // whole pages of memory that may be used
  Ranges taken;                   // the parts of it that the image and the port use
  char command_line[1024] = "";   // kmem's boot words
  const char* kernel_words = "";  // the words after " -- ", which are the kernel's
  /// Where the zones DMA and DMA32 end.
  uint64_t dma_end = uint64_t{16} << 20, dma32_end = uint64_t{4} << 30;
  uint64_t low_end = ~uint64_t{0};  // memory from here on is not in the direct map
  uint32_t nr_cpus = 1;
  uint32_t hardware_id[kMostCpus] = {};  // of each CPU: its APIC's number, its MPIDR
  uint8_t cpu_node[kMostCpus] = {};
  uint32_t nr_nodes = 1;
  uint8_t distance[kmem::kMaxNodes][kmem::kMaxNodes] = {};
};
extern Firmware firmware;

// Frames of the port's own ----------------------------------------------------------------------------------------------

/// For page tables, and for memory that is mapped apart from the page allocator's frames.
class FramePool {
 public:
  void init(uint64_t start, uint64_t bytes);
  /// The physical address of `nr` frames in a row; 0 for none.  Contents unspecified.
  uint64_t take(unsigned nr = 1);
  void give(uint64_t at, unsigned nr = 1);
  bool contains(uint64_t at) const { return at - start_ < nr_ * kPageSize; }
  uint64_t nr() const { return nr_; }
  uint64_t nr_free() const { return nr_free_; }

 private:
  SpinLock lock_;
  uint64_t start_ = 0, nr_ = 0, nr_free_ = 0, next_ = 0;
  uint64_t* used_ = nullptr;  // a bit for each frame
};
extern FramePool pool;

/// The address of physical memory: in the direct map, and before that exists, identity-mapped.
char* seen_at(uint64_t phys);
extern bool has_direct_map;
/// The firmware's command line; the kernel's words are cut off it.
void take_words(const char* words);
/// Is the boot word there?  It is the port's own, so it is cut out.
bool cut_word(const char* word);
/// The whole pages in a range of memory that the firmware names.
void add_memory(uint64_t start, uint64_t bytes);
/// Pages that hold anything of a range are not memory.
void remove_memory(uint64_t start, uint64_t bytes);
/// Memory that stays with the image, the firmware or the port.
void keep_memory(uint64_t start, uint64_t bytes);
/// Says which memory is part of which node.
void set_memory_node(uint64_t start, uint64_t bytes, uint32_t node);
/// Home node of the CPU with that number in the hardware.
void set_cpu_node(uint32_t hardware_id, uint32_t node);

/// Takes the port's frames out of firmware.ram. Returns null, or the reason if there is not enough.
const char* find_pool(uint64_t below);
void fill_machine(kmem::Machine& machine);

// Page tables -----------------------------------------------------------------------------------------------------------

enum class Cache : uint8_t { Normal, Uncached, Combining };
struct Mapping {
  bool write = true;
  Cache cache = Cache::Normal;
  bool code = false;
};
/// Maps whole pages; the tables' frames come from the pool.  False: it is empty.
bool map_range(uint64_t at, uint64_t phys, uint64_t bytes, Mapping how);
enum class Rights : uint8_t { None, Read, ReadWrite };
enum class AccessKind : uint8_t { Read, Write, Code };
/// Pages that get a zeroed frame of the pool when they are first touched.
bool map_on_demand(uint64_t at, uint64_t bytes, Rights rights);
/// Unmaps a range; frees frames that came on demand.
void unmap_range(uint64_t at, uint64_t bytes);
/// Frees frames that came on demand; new ones will come. False: there were other frames, which stay.
bool discard_range(uint64_t at, uint64_t bytes);
/// Moves the mappings of a range to another range, which must be unmapped.
bool move_range(uint64_t to, uint64_t from, uint64_t bytes);
/// Changes the access to mapped pages; unmapped ones stay unmapped.
bool change_access(uint64_t at, uint64_t bytes, Rights rights);
/// At a page fault: maps a page that comes on demand. False: it was not such a page, or there is no frame.
bool resolve_fault(uint64_t at, bool write);
/// The entry of one page, for a caller that writes it itself; null if there is no frame for its table.
uint64_t* entry_for(uint64_t at);
/// Is the address mapped, or will it be at the first touch?
bool is_mapped(uint64_t at);
void make_page_tables();
/// The physical address of the top table.
uint64_t top_table();

// CPUs and tasks --------------------------------------------------------------------------------------------------------

extern Cpu cpus[kMostCpus];
extern uint32_t nr_cpus_up;
void start_scheduler();  // tasks run once CPUs call run_cpu()
void schedule();
void tick();               // of the local timer
extern void (*on_tick)();  // called there too, in the interrupt
void exit_task();
extern void (*on_task_end)();  // called by the task that ends
Task* spawn(const char* name, void (*body)(void*), void* argument, uint64_t stack_bytes = 64 << 10);
void sleep_until(uint64_t ns);
/// May the task do steps on its CPU's copies of variables (port/cpu_local.h)?
void set_percpu_steps(bool on);
void forbid_percpu_steps();
/// Pins the task to a CPU; negative: unpins it.
void pin_task(int cpu);
/// The same for another task, from its next turn on.
void pin_other(uint32_t id, uint32_t cpu);
/// A task's number and name.
inline constexpr unsigned kMostTasks = 256;
uint32_t task_id();
const char* task_name();
/// Where the calling task's stack is; empty before there are tasks.
Range task_stack();

[[noreturn]] void run_cpu();  // a CPU without a task of its own: waits for one, for ever

// Interrupts ------------------------------------------------------------------------------------------------------------

/// The bits of a task's preempt count that count interrupts (include/linux/preempt.h).
inline constexpr uint32_t kHardirqMask = 0xf << 16;
enum class Came : uint8_t { Timer, Wake, Device };
/// Handles an interrupt, then schedules if it is time. `number` is what the processor's run_handler() and end_of_interrupt()
/// take.
void handle_interrupt(Came what, uint32_t number);
/// Where an interrupted task goes on: at the start of the sequence that it was in, or where it was.
uint64_t resume_at(uint64_t pc);
/// Before the first interrupt: the linker puts sequences in the order of its inputs.
void sort_sequences();
struct SavedRegisters;
/// A page fault: maps a page that comes on demand, or ends in a report.
void handle_page_fault(uint64_t at, AccessKind kind, bool may_come, SavedRegisters& registers);
/// Reports what the processor could not do, and ends the machine.
[[noreturn]] void end_by_exception(const char* what, const SavedRegisters& registers);

// Boot ------------------------------------------------------------------------------------------------------------------

/// From the firmware's facts to the kernel's first task, bare_kernel_main(). Memory below `seen_below` can be reached before
/// the port's own page tables exist.
[[noreturn]] void boot_machine(const char* processor, uint64_t seen_below);

// Diagnosis -------------------------------------------------------------------------------------------------------------

void put(const char* text, size_t bytes);
/// Receives the output instead of the console; for tests.
extern void (*reads_along)(const char* text, size_t bytes);
void say(const char* format, ...) __attribute__((format(printf, 1, 2)));
[[noreturn]] void panic(const char* format, ...) __attribute__((format(printf, 1, 2)));
inline constexpr int kFatal = 63;  // the status of a machine that ended by a fault
[[noreturn]] void end_machine(int status);
unsigned walk_frames(const void* frame, void** out, unsigned max);
void show_trace(const void* pc, const void* frame);
extern bool (*caught_access)(const kmem::BadAccess& access);
/// Asked before: where the processor goes on after the access; null: not known here.
extern const void* (*mends_access)(const kmem::BadAccess& access);

// Defined by each processor's folder ------------------------------------------------------------------------------------

uint64_t now_ns();
/// Counts cycles; instructions, where the machine's time is its instructions.
uint64_t read_cycles();
extern uint64_t boot_cycles;  // at the first instruction of C++
void put_char(char c);
/// A character that was typed; negative for none.
int take_char();
/// Maps the image, and what it needs to reach the console.
bool map_image();
void init_cpu(uint32_t id);
void init_interrupt_controller();
void find_devices();
void start_clock();
void start_local_timer();
void next_local_timer();  // in a millisecond
void start_cpus();
void run_handler(uint32_t number);
void end_of_interrupt(uint32_t number);
/// Returns when every other CPU, also one with interrupts off, has left or restarted the sequence that it was in.
void pass_by_all();
/// Flushes the TLBs of all CPUs.
void flush_all();
void forget_translations();
/// What bare_switch() finds on a new task's stack, so that it begins in bare_begin_task: its stack pointer.
uint64_t prepare_stack(char* top, void (*body)(void*), void* argument);

/// The device registers at a physical address, according to a bus; false: unknown.
bool find_registers(uint64_t phys, Range& out);

void show_registers(const SavedRegisters& registers);
const void* pc_of(const SavedRegisters* registers);
/// Where the processor goes on after the trap.
void go_on_at(SavedRegisters& registers, const void* pc);
const void* frame_of(const SavedRegisters* registers);

}  // namespace bare
