// Fault injection for programs, at run time.

#include <kmem/fault.h>
#include <linux/gfp.h>

#include "base/format.h"
#include "boot/fault_words.h"
#include "system/system.h"
#include "watch/fault_injection.h"

namespace {

using kmem::FaultPoint;

constexpr int kInvalid = -22;  // -EINVAL

bool parse(const char* words, kmem::FaultOptions& options) {
  bool any = false;
  kmem::BootWords all(words);
  for (kmem::BootWord word; all.next(word); any = true)
    if (!kmem::is_fault_word(word.name) || !kmem::parse_fault_word(word, options)) return false;
  return any;
}

void put_point(kmem::Text& text, FaultPoint point) {
  const kmem::FaultSettings s = kmem::fault_settings(point);
  if (!s.on) return;
  text.printf("%s interval %u probability %u space %llu times %lld seed %#llx injected %llu\n", kmem::fault_point_name(point),
              s.interval, s.probability, static_cast<unsigned long long>(s.space), static_cast<long long>(s.times),
              static_cast<unsigned long long>(s.seed), static_cast<unsigned long long>(kmem::nr_faults_injected(point)));
}

}  // namespace

// boot/fault_words.cc names flags by these numbers.
static_assert(GFP_KERNEL == 0x3c0 && GFP_ATOMIC == 0x220 && GFP_NOWAIT == 0x600 && GFP_NOIO == 0x300 && GFP_NOFS == 0x340 &&
              GFP_USER == 0x1003c0 && GFP_HIGHUSER == 0x1003c2 && __GFP_ACCOUNT == 0x20000 && __GFP_RETRY_MAYFAIL == 0x800 &&
              __GFP_NORETRY == 0x2000 && __GFP_COMP == 0x8000 && __GFP_THISNODE == 0x10000 && __GFP_NOMEMALLOC == 0x80000);

extern "C" {

void kmem_fail_nth_set(unsigned int n) noexcept {
  if (kmem::boot()) kmem::set_task_fail_nth(n);
}
unsigned int kmem_fail_nth_get() noexcept { return kmem::task_fail_nth(); }
void kmem_make_it_fail(bool on) noexcept { kmem::set_task_make_it_fail(on); }

int kmem_fault_set(const char* words) noexcept {
  kmem::FaultOptions options;
  if (!words || !kmem::boot() || !parse(words, options)) return kInvalid;
  for (unsigned i = 0; i < kmem::kNrFaultPoints; ++i)
    if (options.points[i].on) kmem::set_fault(static_cast<FaultPoint>(i), options.points[i]);
  if (options.nth.on) kmem::start_fail_nth(options.nth);
  return 0;
}

void kmem_fault_reset() noexcept {
  if (kmem::boot()) kmem::reset_faults();
}

unsigned long kmem_fault_points() noexcept { return kmem::fault_record().nr_points.load(); }
unsigned long kmem_fault_injected() noexcept { return kmem::fault_record().nr_failed.load(); }

size_t kmem_faults(char* buffer, size_t size) noexcept {
  kmem::Text text(kmem::Span<char>(buffer, size));
  for (unsigned i = 0; i < kmem::kNrFaultPoints; ++i) put_point(text, static_cast<FaultPoint>(i));
  return text.total();
}

}  // extern "C"
