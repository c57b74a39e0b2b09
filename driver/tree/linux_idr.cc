// Allocation of ids: <linux/idr.h>.
#include <cerrno>
#include <climits>

#include <linux/bug.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/preempt.h>

namespace {

/// Takes the lowest free id; the lock is taken with the interrupt state saved and restored.
int alloc(xarray* xa, u32* id, void* entry, struct xa_limit limit, gfp_t gfp) {
  unsigned long flags;
  xa_lock_irqsave(xa, flags);
  const int error = __xa_alloc(xa, id, entry, limit, gfp);
  xa_unlock_irqrestore(xa, flags);
  return error == -EBUSY ? -ENOSPC : error;
}
void* erase(xarray* xa, unsigned long index) {
  unsigned long flags;
  xa_lock_irqsave(xa, flags);
  void* const was = __xa_erase(xa, index);
  xa_unlock_irqrestore(xa, flags);
  return was;
}

/// Casts const away, as the kernel's functions do.
xarray* array_of(const idr* map) { return const_cast<xarray*>(&map->idr_rt); }

}  // namespace

int idr_alloc_u32(idr* map, void* pointer, u32* id, unsigned long max, gfp_t gfp) noexcept {
  const u32 base = map->idr_base, low = *id > base ? *id - base : 0;
  if (max < base) return -ENOSPC;
  const unsigned long high = max - base > UINT_MAX ? UINT_MAX : max - base;
  u32 at;
  if (const int error = alloc(array_of(map), &at, pointer, XA_LIMIT(low, high), gfp)) return error;
  *id = at + base;
  return 0;
}
int idr_alloc(idr* map, void* pointer, int start, int end, gfp_t gfp) noexcept {
  if (WARN_ON_ONCE(start < 0)) return -EINVAL;
  u32 id = static_cast<u32>(start);
  const int error = idr_alloc_u32(map, pointer, &id, end > 0 ? static_cast<unsigned long>(end) - 1 : INT_MAX, gfp);
  return error ? error : static_cast<int>(id);
}
int idr_alloc_cyclic(idr* map, void* pointer, int start, int end, gfp_t gfp) noexcept {
  const unsigned long max = end > 0 ? static_cast<unsigned long>(end) - 1 : INT_MAX;
  u32 id = static_cast<int>(map->idr_next) > start ? map->idr_next : static_cast<u32>(start);
  int error = idr_alloc_u32(map, pointer, &id, max, gfp);
  if (error == -ENOSPC && id > static_cast<u32>(start)) {
    id = static_cast<u32>(start);
    error = idr_alloc_u32(map, pointer, &id, max, gfp);
  }
  if (error) return error;
  map->idr_next = id + 1;
  return static_cast<int>(id);
}
void* idr_remove(idr* map, unsigned long id) noexcept {
  return id < map->idr_base ? nullptr : erase(array_of(map), id - map->idr_base);
}
void* idr_find(const idr* map, unsigned long id) noexcept {
  return id < map->idr_base ? nullptr : xa_load(array_of(map), id - map->idr_base);
}
void* idr_replace(idr* map, void* pointer, unsigned long id) noexcept {
  xarray* const xa = array_of(map);
  if (id < map->idr_base) return ERR_PTR(-ENOENT);
  unsigned long flags;
  xa_lock_irqsave(xa, flags);
  // An id that is in use, with a pointer or NULL, makes the insert fail.
  const bool taken = __xa_insert(xa, id - map->idr_base, XA_ZERO_ENTRY, GFP_NOWAIT) == -EBUSY;
  void* const old = taken ? __xa_store(xa, id - map->idr_base, pointer, GFP_NOWAIT) : ERR_PTR(-ENOENT);
  if (!taken) __xa_erase(xa, id - map->idr_base);
  xa_unlock_irqrestore(xa, flags);
  return old;
}
int idr_for_each(const idr* map, int (*call)(int id, void* pointer, void* data), void* data) noexcept {
  unsigned long at;
  void* entry;
  xa_for_each(array_of(map), at, entry) {
    if (at + map->idr_base > INT_MAX) break;
    if (const int answer = call(static_cast<int>(at + map->idr_base), entry, data)) return answer;
  }
  return 0;
}
void* idr_get_next_ul(idr* map, unsigned long* id) noexcept {
  unsigned long at = *id > map->idr_base ? *id - map->idr_base : 0;
  void* const entry = xa_find(array_of(map), &at, ULONG_MAX, XA_PRESENT);
  if (entry) *id = at + map->idr_base;
  return entry;
}
void* idr_get_next(idr* map, int* id) noexcept {
  unsigned long at = static_cast<unsigned long>(*id);
  void* const entry = idr_get_next_ul(map, &at);
  if (!entry || WARN_ON_ONCE(at > INT_MAX)) return nullptr;
  *id = static_cast<int>(at);
  return entry;
}
void idr_destroy(idr* map) noexcept { xa_destroy(array_of(map)); }
void idr_preload(gfp_t gfp) noexcept {
  if (gfpflags_allow_blocking(gfp)) might_sleep();
  preempt_disable();
}
void idr_preload_end() noexcept { preempt_enable(); }

int ida_alloc_range(ida* ids, unsigned min, unsigned max, gfp_t gfp) noexcept {
  if (static_cast<int>(min) < 0) return -ENOSPC;
  u32 id;
  const u32 high = static_cast<int>(max) < 0 ? INT_MAX : max;
  const int error = alloc(&ids->xa, &id, XA_ZERO_ENTRY, XA_LIMIT(min, high), gfp);
  return error ? error : static_cast<int>(id);
}
void ida_free(ida* ids, unsigned id) noexcept {
  unsigned long flags;
  xa_lock_irqsave(&ids->xa, flags);
  const bool free = __xa_insert(&ids->xa, id, XA_ZERO_ENTRY, GFP_NOWAIT) != -EBUSY;
  __xa_erase(&ids->xa, id);
  xa_unlock_irqrestore(&ids->xa, flags);
  WARN(free, "ida_free called for id=%d which is not allocated.", static_cast<int>(id));
}
