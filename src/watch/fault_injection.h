#pragma once
// Fault injection: makes allocations fail, so that the code behind "if (!p)" is tested.
//
// Every place where kmem can run out of something asks should_fail() first.  While injection is off, that is one load of a zero
// word, on slow paths only. While it is on, the fast paths' limits are zero (system/fast_paths.cc), so that each call reaches a
// slow path. The decision follows the order of the kernel's should_fail_ex(): the program's n-th point, the task's n-th, then
// the attributes of the point.

#include "base/attributes.h"
#include "watch/fault_record.h"
#include "watch/fault_settings.h"

/// One bit for each FaultPoint whose attributes are on, and the two bits below; zero: nothing is injected.
extern "C" KMEM_HIDDEN uint32_t kmem_faults_armed;

namespace kmem {

inline constexpr uint32_t kArmedProgram = uint32_t{1} << 30;  // the program's points are counted
inline constexpr uint32_t kArmedTasks = uint32_t{1} << 31;    // some task has a fail_nth
/// The bits of a GFP word that matter here, as page/gfp.h has them (page/ checks that they agree).
inline constexpr uint32_t kFaultGfpNoFail = 0x1000, kFaultGfpHighMem = 0x2, kFaultGfpWait = 0x100;

/// For points whose callers have no GFP flags.
inline constexpr uint32_t kNoGfp = 0;

inline bool faults_armed() { return KMEM_UNLIKELY(__atomic_load_n(&kmem_faults_armed, __ATOMIC_RELAXED) != 0); }

KMEM_COLD bool should_fail_slowly(FaultPoint point, uint32_t gfp, size_t size, const char* cache, bool marked);

/// Must this call fail? Then the caller behaves as if there were no memory. A __GFP_NOFAIL request never fails and is not
/// counted. `size` in bytes; `cache`: the cache's name, if there is one; `marked`: it has SLAB_FAILSLAB.  Any context;
/// allocates nothing.
[[nodiscard]] inline bool should_fail(FaultPoint point, uint32_t gfp, size_t size, const char* cache = nullptr,
                                      bool marked = false) {
  return faults_armed() && should_fail_slowly(point, gfp, size, cache, marked);
}

/// During its lifetime no call of this task fails or is counted: for calls on behalf of a __GFP_NOFAIL request, and for paths
/// that cannot report failure. Nests; an interrupt on top is exempt too.
class FaultExempt {
 public:
  explicit FaultExempt(bool wanted = true) : entered_(wanted && faults_armed()) {
    if (entered_) enter();
  }
  ~FaultExempt() {
    if (entered_) leave();
  }
  FaultExempt(const FaultExempt&) = delete;
  FaultExempt& operator=(const FaultExempt&) = delete;

 private:
  static void enter();
  static void leave();
  const bool entered_;
};

// Settings ------------------------------------------------------------------------------------------------------------

enum class Faults : uint8_t { Off, Injected };
/// The listener is called before the first injection is switched on, and after the last was switched off.  Null: none.
void set_fault_listener(void (*listener)(Faults now));
/// Changes one point's attributes; its counts begin anew. A concurrent allocation may still see some of the old attributes.
void set_fault(FaultPoint point, const FaultSettings& settings);
/// Program-wide; points are counted from 1 again. `record`: where counts and descriptions go, or null for a private record.
void set_fail_nth(const FailNth& nth, SharedFaultRecord* record);
/// Switches all injection off and clears all settings and counts.
void reset_faults();

/// The n-th failure point that this task passes from now on fails, once; 0: none.
void set_task_fail_nth(uint32_t n);
/// The number of points until the failure; 0 once it has failed.
uint32_t task_fail_nth();
/// With task_filter, only tasks that were marked fail: the kernel's make-it-fail.
void set_task_make_it_fail(bool on);

// Looking -------------------------------------------------------------------------------------------------------------

FaultSettings fault_settings(FaultPoint point);
/// Failures injected at this point since its attributes were set.
uint64_t nr_faults_injected(FaultPoint point);
/// The program's counts and the description of its first failure.
const FaultRecord& fault_record();

}  // namespace kmem
