#pragma once
// Making allocations fail that would not have, so that the code behind "if (!p)" runs before a customer runs it.
//
// Every place where kmem can run out of something asks should_fail() first.  Off, that is one load of a word that is
// zero, on slow paths only: while injection is on, the fast paths' limits are zero (api/system.cc), so that each call
// comes by.  What decides is in the order of the kernel's should_fail_ex(): the program's n-th point, the task's n-th,
// then the attributes of the point.

#include "base/attributes.h"
#include "watch/fault_record.h"
#include "watch/fault_settings.h"

/// One bit for each FaultPoint whose attributes are on, and those below; zero: nothing is injected.
extern "C" KMEM_HIDDEN uint32_t kmem_faults_armed;

namespace kmem {

inline constexpr uint32_t kArmedProgram = uint32_t{1} << 30;  // the program's points are counted
inline constexpr uint32_t kArmedTasks = uint32_t{1} << 31;    // some task has a fail_nth
/// The bits of a GFP word that matter here, as page/gfp.h has them (page/ checks that they agree).
inline constexpr uint32_t kFaultGfpNoFail = 0x1000, kFaultGfpHighMem = 0x2, kFaultGfpWait = 0x100;

/// For points whose callers bring no flags of their own.
inline constexpr uint32_t kNoGfp = 0;

inline bool faults_armed() { return KMEM_UNLIKELY(__atomic_load_n(&kmem_faults_armed, __ATOMIC_RELAXED) != 0); }

KMEM_COLD bool should_fail_slowly(FaultPoint point, uint32_t gfp, size_t size, const char* cache);

/// Is this call to fail?  Then the caller answers as if there were no memory.  __GFP_NOFAIL is never failed, and passes
/// no point.  `size` in bytes; `cache` where there is one.  Any context; allocates nothing.
[[nodiscard]] inline bool should_fail(FaultPoint point, uint32_t gfp, size_t size, const char* cache = nullptr) {
  return faults_armed() && should_fail_slowly(point, gfp, size, cache);
}

/// While one lives, nothing that this task does fails or is counted: for what stands behind a __GFP_NOFAIL, and for
/// paths that have no answer to give.  Nests; an interrupt on top is exempt too.
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

/// Told when the first injection is switched on, and when the last is off.
void set_fault_switch(void (*divert)(bool on));
/// Changes one point's attributes; its counts begin anew.  Somebody who allocates meanwhile may still see some of the
/// old.
void set_fault(FaultPoint point, const FaultSettings& settings);
/// Program-wide; points are counted from 1 anew.  `record`: where to count and describe, or null for a place of our
/// own.
void set_fail_nth(const FailNth& nth, SharedFaultRecord* record);
/// Everything off, and nothing known any more.
void reset_faults();

/// The n-th failure point that this task passes from now on fails, once; 0: none.
void set_task_fail_nth(uint32_t n);
/// What is left to go; 0 once it has failed.
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
