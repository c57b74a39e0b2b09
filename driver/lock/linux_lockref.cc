// A count with a spin lock beside it: <linux/lockref.h>.
#include <linux/lockref.h>

namespace {
/// Adds under the lock if the count is above `least`.
int add_above(lockref* ref, int least, int n) {
  spin_lock(&ref->lock);
  const bool is_above = ref->count > least;
  if (is_above) ref->count += n;
  spin_unlock(&ref->lock);
  return is_above;
}
constexpr int kDead = -128;
}  // namespace

extern "C" {

void lockref_get(lockref* ref) noexcept {
  spin_lock(&ref->lock);
  ++ref->count;
  spin_unlock(&ref->lock);
}
int lockref_put_return(lockref* ref) noexcept {
  if (!spin_trylock(&ref->lock)) return -1;
  const int left = ref->count > 0 ? --ref->count : -1;
  spin_unlock(&ref->lock);
  return left;
}
int lockref_get_not_zero(lockref* ref) noexcept { return add_above(ref, 0, 1); }
int lockref_put_not_zero(lockref* ref) noexcept { return add_above(ref, 1, -1); }
int lockref_put_or_lock(lockref* ref) noexcept {
  spin_lock(&ref->lock);
  if (ref->count <= 1) return 0;
  --ref->count;
  spin_unlock(&ref->lock);
  return 1;
}
void lockref_mark_dead(lockref* ref) noexcept {
  assert_spin_locked(&ref->lock);
  ref->count = kDead;
}
int lockref_get_not_dead(lockref* ref) noexcept { return add_above(ref, -1, 1); }

}  // extern "C"
