// Shrinkers.

#include <linux/shrinker.h>
#include <linux/slab.h>

#include "sleeping.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

/// The core does not use <linux/errno.h>, which is the system's.
constexpr int ENOMEM = 12, EEXIST = 17, EINVAL = 22;

using kmem::ShrinkControl;
using kmem::Shrinker;

static_assert(sizeof(Shrinker) <= sizeof(shrinker::kmem_room));
static_assert(alignof(Shrinker) <= alignof(shrinker) && SHRINK_STOP - SHRINK_EMPTY == kmem::kShrinkStop - kmem::kShrinkEmpty);

kmem::Reclaim& reclaim() { return kmem::system().pages.reclaim(); }
Shrinker& inside(shrinker* s) { return *static_cast<Shrinker*>(static_cast<void*>(s->kmem_room)); }

shrink_control control_of(const ShrinkControl& c) {
  return {c.gfp, c.nid, static_cast<unsigned long>(c.nr_to_scan), static_cast<unsigned long>(c.nr_scanned), nullptr};
}

/// What a shrinker answers; the two special values are the largest of their type.
uint64_t answer(unsigned long n) { return n < SHRINK_EMPTY ? n : kmem::kShrinkStop - (SHRINK_STOP - n); }

uint64_t count(Shrinker& self, ShrinkControl& c) {
  auto* s = static_cast<shrinker*>(self.owner);
  shrink_control control = control_of(c);
  return answer(s->count_objects(s, &control));
}

uint64_t scan(Shrinker& self, ShrinkControl& c) {
  auto* s = static_cast<shrinker*>(self.owner);
  shrink_control control = control_of(c);
  const unsigned long freed = s->scan_objects(s, &control);
  c.nr_scanned = control.nr_scanned;
  return answer(freed);
}

/// Copies the owner's fields to where the page layer reads them.
Shrinker& dressed(shrinker* s) {
  Shrinker& inner = inside(s);
  inner.count = count;
  inner.scan = scan;
  inner.owner = s;
  inner.batch = s->batch > 0 ? static_cast<uint64_t>(s->batch) : 0;
  inner.seeks = s->seeks;
  inner.numa_aware = s->flags & SHRINKER_NUMA_AWARE;
  inner.needs = (s->flags & SHRINKER_NEEDS_FS ? __GFP_FS : 0) | (s->flags & SHRINKER_NEEDS_IO ? __GFP_IO : 0);
  return inner;
}

bool is_whole(const shrinker* s) {
  if (s && s->count_objects && s->scan_objects && s->seeks >= 0) return true;
  kmem::bug_report(kmem::Trouble::Warning, "a shrinker without count_objects or scan_objects, or with negative seeks");
  return false;
}

int add(shrinker* s) {
  if (!is_whole(s)) return -EINVAL;
  if (!kmem::boot()) return -ENOMEM;
  if (s->flags & SHRINKER_REGISTERED) return -EEXIST;
  if (!reclaim().shrinkers().add(dressed(s))) return -ENOMEM;
  s->flags |= SHRINKER_REGISTERED;
  return 0;
}

/// The single function of 2.6, called by today's two.
shrinker_t old_function(shrinker* s) { return reinterpret_cast<shrinker_t>(s->private_data); }

unsigned long count_2_6(shrinker* s, shrink_control* control) {
  const int n = old_function(s)(0, control->gfp_mask);
  return n > 0 ? static_cast<unsigned long>(n) : 0;
}

unsigned long scan_2_6(shrinker* s, shrink_control* control) {
  const unsigned long before = count_2_6(s, control);
  const int left = old_function(s)(static_cast<int>(control->nr_to_scan), control->gfp_mask);
  if (left < 0) return SHRINK_STOP;
  return before > static_cast<unsigned long>(left) ? before - static_cast<unsigned long>(left) : 0;
}

}  // namespace

#define KMEM_CALLER __builtin_return_address(0)

extern "C" {

int(register_shrinker)(shrinker* s) noexcept {
  KMEM_MIGHT_SLEEP();
  return add(s);
}
int kmem_register_shrinker_named(shrinker* s, const char*, ...) noexcept {
  kmem::check_sleep("register_shrinker", KMEM_CALLER);
  return add(s);
}

static void remove(shrinker* s) {
  if (!(s->flags & SHRINKER_REGISTERED)) return;
  reclaim().shrinkers().remove(inside(s));
  s->flags &= ~SHRINKER_REGISTERED;
}

void unregister_shrinker(shrinker* s) noexcept {
  if (!s) return;
  KMEM_MIGHT_SLEEP();
  remove(s);
}

int(prealloc_shrinker)(shrinker* s) noexcept {
  KMEM_MIGHT_SLEEP();
  return is_whole(s) ? 0 : -EINVAL;
}
int kmem_prealloc_shrinker_named(shrinker* s, const char*, ...) noexcept {
  kmem::check_sleep("prealloc_shrinker", KMEM_CALLER);
  return is_whole(s) ? 0 : -EINVAL;
}
static void add_or_warn(shrinker* s) {
  if (const int error = add(s))
    kmem::bug_report(kmem::Trouble::Warning, "register_shrinker_prepared: error %d; it will not be called", error);
}
void register_shrinker_prepared(shrinker* s) noexcept {
  KMEM_MIGHT_SLEEP();
  add_or_warn(s);
}
void free_prealloced_shrinker(shrinker*) noexcept {}

static shrinker* new_shrinker(unsigned int flags, gfp_t gfp) {
  auto* s = static_cast<shrinker*>(kzalloc(sizeof(shrinker), gfp));
  if (!s) return nullptr;
  s->flags = (flags & ~SHRINKER_REGISTERED) | SHRINKER_ALLOCATED;
  s->seeks = DEFAULT_SEEKS;
  return s;
}

shrinker* shrinker_alloc(unsigned int flags, const char*, ...) noexcept {
  return new_shrinker(flags, KMEM_GFP_HERE(GFP_KERNEL));
}

void shrinker_register(shrinker* s) noexcept {
  KMEM_MIGHT_SLEEP();
  add_or_warn(s);
}

static void remove_and_free(shrinker* s) {
  remove(s);
  if (s->flags & SHRINKER_ALLOCATED) return kfree(s);
  kmem::bug_report(kmem::Trouble::Warning, "shrinker_free: %p is not from shrinker_alloc(); it was unregistered only",
                   static_cast<void*>(s));
}

void shrinker_free(shrinker* s) noexcept {
  if (!s) return;
  KMEM_MIGHT_SLEEP();
  remove_and_free(s);
}

shrinker* set_shrinker(int seeks, shrinker_t function) noexcept {
  shrinker* s = function ? new_shrinker(0, KMEM_GFP_HERE(GFP_KERNEL)) : nullptr;
  if (!s) return nullptr;
  s->count_objects = count_2_6;
  s->scan_objects = scan_2_6;
  s->seeks = seeks;
  s->private_data = reinterpret_cast<void*>(function);
  if (!add(s)) return s;
  remove_and_free(s);
  return nullptr;
}

void remove_shrinker(shrinker* s) noexcept {
  if (!s) return;
  KMEM_MIGHT_SLEEP();
  remove_and_free(s);
}

}  // extern "C"
