// The best sample of a window: <linux/win_minmax.h>.
//
// W1. s[0], s[1], s[2] were taken in this order, and none is better than the one before it.
#include <linux/win_minmax.h>

namespace {

/// The first leaves the window: the others move up.
void drop_first(minmax* m, const minmax_sample& newest) {
  m->s[0] = m->s[1];
  m->s[1] = m->s[2];
  m->s[2] = newest;
}

/// Time passes, and nothing better has come.  The second and the third are renewed in time, so that a good one of the second
/// half of
/// the window is known when the first leaves.
u32 age(minmax* m, u32 window, const minmax_sample& newest) {
  const u32 first_age = newest.t - m->s[0].t;
  if (first_age > window) {
    drop_first(m, newest);
    if (newest.t - m->s[0].t > window) drop_first(m, newest);
  } else if (m->s[1].t == m->s[0].t && first_age > window / 4) {
    m->s[2] = m->s[1] = newest;
  } else if (m->s[2].t == m->s[1].t && first_age > window / 2) {
    m->s[2] = newest;
  }
  return m->s[0].v;
}

template <typename Better>
u32 add(minmax* m, u32 window, const minmax_sample& newest, Better is_as_good) {
  if (is_as_good(newest.v, m->s[0].v) || newest.t - m->s[2].t > window) return minmax_reset(m, newest.t, newest.v);
  if (is_as_good(newest.v, m->s[1].v)) m->s[2] = m->s[1] = newest;
  else if (is_as_good(newest.v, m->s[2].v)) m->s[2] = newest;
  return age(m, window, newest);
}

}  // namespace

extern "C" {
u32 minmax_running_max(minmax* m, u32 window, u32 time, u32 value) noexcept {
  return add(m, window, {time, value}, [](u32 a, u32 b) { return a >= b; });
}
u32 minmax_running_min(minmax* m, u32 window, u32 time, u32 value) noexcept {
  return add(m, window, {time, value}, [](u32 a, u32 b) { return a <= b; });
}
}
