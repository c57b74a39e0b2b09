#pragma once
// The kernel's command line: "mem=512M numa=fake=2 slab_nomerge".

#include "base/types.h"
#include "boot/debug_words.h"
#include "boot/slice.h"
#include "watch/fault_settings.h"

namespace kmem {

/// reserve=name:SIZE[@zone][,huge]: boot memory that a program finds by its name.
struct ReserveWord {
  char name[32] = {};  // empty: no word
  uint64_t bytes = 0;
  uint64_t below = ~uint64_t{0};  // where the zone ends
  bool huge = false;
};
inline constexpr unsigned kMaxReserveWords = 8;

/// What can be set at boot. A number of 0 means that the machine is not changed.
struct BootOptions {
  uint64_t mem = 0;              // mem=SIZE: use no more memory than this
  uint32_t nr_cpus = 0;          // nr_cpus=N: run on no more CPUs than this
  uint64_t min_free_kbytes = 0;  // min_free_kbytes=N: what the watermarks are computed from
  uint32_t numa_fake = 0;        // numa=fake=N: split memory into N nodes; numa=off is one
  bool slab_nomerge = false;     // slab_nomerge: caches of one shape stay apart
  bool init_on_alloc = false;    // init_on_alloc=BOOL: memory is cleared when it is allocated
  bool init_on_free = false;     // init_on_free=BOOL: memory is cleared when it is freed
  bool panic_on_warn = false;    // panic_on_warn[=BOOL]: the first report panics
  bool validate = false;         // validate[=BOOL]: walk every structure when the program ends
  uint32_t validate_signal = 0;  // validate_signal=N: the signal by which `kmem validate PID` starts a check; 0: none
  bool stats = false;            // stats[=BOOL]: count every call, on the fast path too
  uint32_t profile_signal = 0;   // profile_signal=N: signal N starts a heap profile, the next one writes it; 0: none
  uint64_t profile = 0;          // profile[=SIZE]: sample allocations from the start, every SIZE bytes (docs/profiling.md)
  DebugWords slub_debug;         // slub_debug=FZPUT,name*;...: checked caches (docs/debugging.md)
  uint64_t quarantine = 0;       // slab_quarantine=SIZE: freed objects held back, poisoned and checked
  uint8_t hardened = 0;          // hardened[=LEVEL]: 1 to 3, docs/hardening.md; the word alone is 2
  bool oops_panics = false;      // oops=panic|continue: the first report of a bug panics
  bool oops_set = false;
  uint32_t probation = 0;  // slab_probation=N: the first N blocks of each malloc size come from checked caches
  bool probation_set = false;
  bool rseq = true;      // rseq=BOOL: the fast paths use restartable sequences if the host has them
  char sysfs[128] = {};  // sysfs=DIR: where the host shows its devices, instead of /sys
  bool tells = false;    // sanitize=BOOL: valgrind or AddressSanitizer are told of every object
  bool tells_set = false;
  bool kmemleak = false;           // kmemleak=BOOL: record the allocation sites of blocks, and the program's kmemleak_...()
                                   // calls
  bool leaks_at_exit = false;      // leak_report=exit: when the program ends, list the blocks that no pointer refers to
  uint32_t kfence_interval = 100;  // kfence.sample_interval=MS: an object between guard pages so often; 0 for never
  uint32_t kfence_objects = 255;   // kfence.num_objects=N: how many at a time
  bool kfence_asked_for = false;   // by either word
  bool thp = true;                 // thp=BOOL: ask the host for huge pages where the use is dense
  bool thp_everywhere = false;     // thp=always: for large blocks too, though their use is unknown
  uint64_t highmem = 0;            // highmem=SIZE: so much of the memory has no permanent address
  uint64_t vmalloc = 0;            // vmalloc=SIZE: of the vmalloc window
  bool alias = false;              // alias=BOOL: window and direct map show the same frames
  ReserveWord reserve[kMaxReserveWords];
  bool memblock_debug = false;  // memblock=debug: log each change of boot memory
  FaultOptions faults;          // failslab= and its relatives (boot/fault_words.h)
  bool debug_preempt = false;   // debug_preempt[=BOOL]: look at every smp_processor_id()
  bool might_sleep = false;     // might_sleep[=BOOL]: look at the context of every call that may sleep
  bool kswapd = false;          // kswapd=BOOL: a thread for each node reclaims in the background
  bool panic_on_oom = false;    // panic_on_oom[=BOOL]: when memory is out, report and stop
  bool cgroup = true;           // cgroup=BOOL: the limit of the cgroup bounds the machine (read by the port)
  bool cgroup_poll = false;     // cgroup_poll=BOOL: read the group's files after boot, for the memory that its other processes
                                // use
  bool psi = false;             // psi=BOOL: heed MEMORY_PRESSURE_WATCH where it is set
  bool membarrier = false;      // membarrier=BOOL: interrupt other CPUs for what they hold, instead of asking them
};

/// "name=value", or "name" alone; quotes are gone.
struct BootWord {
  Slice name;
  Slice value;
  bool has_value = false;
  Slice whole;  // as written
};

/// The words of a command line, as the kernel cuts it: blanks separate, a quoted blank doesn't, quotes around a value
/// or around the whole word are dropped, and what follows a lone "--" is not ours.
class BootWords {
 public:
  explicit BootWords(const char* line) : rest_(line ? line : "") {}
  /// False at the end.
  bool next(BootWord& word);

 private:
  const char* rest_;
};

enum class WordFault : uint8_t { None, Unknown, Malformed, NotSupportedYet };
/// Called for each word that was not accepted.
using WordComplaint = void (*)(void* context, WordFault fault, const BootWord& word);

/// Reads a command line into `options`.  The last of several words of one name counts.
void parse_command_line(const char* line, BootOptions& options, WordComplaint complain, void* context);
/// The same; complaints go to the log: `kmem: boot word 'foo=1' is unknown, ignored`.
void parse_command_line(const char* line, BootOptions& options);

/// The kernel's memparse(), but strict: digits (decimal, 0x..., 0...), then one of K M G T P E or nothing.  False,
/// and nothing changed, on anything else and on what does not fit.
bool parse_size(Slice text, uint64_t& value);
/// Digits only.
bool parse_number(Slice text, uint64_t& value);
/// 0 1 on off y n yes no true false, in upper or lower case.
bool parse_bool(Slice text, bool& value);

}  // namespace kmem
