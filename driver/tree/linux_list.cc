// Reports about corrupted lists: <linux/list.h>.
#include <linux/bug.h>
#include <linux/list.h>

bool __list_add_valid(list_head* entry, list_head* prev, list_head* next) noexcept {
  if (!prev || !next) return !WARN(true, "list_add corruption. %s is NULL.", prev ? "next" : "prev");
  if (next->prev != prev)
    return !WARN(true, "list_add corruption. next->prev should be prev (%p), but was %p. (next=%p).", static_cast<void*>(prev),
                 static_cast<void*>(next->prev), static_cast<void*>(next));
  if (prev->next != next)
    return !WARN(true, "list_add corruption. prev->next should be next (%p), but was %p. (prev=%p).", static_cast<void*>(next),
                 static_cast<void*>(prev->next), static_cast<void*>(prev));
  if (entry == prev || entry == next)
    return !WARN(true, "list_add double add: new=%p, prev=%p, next=%p.", static_cast<void*>(entry), static_cast<void*>(prev),
                 static_cast<void*>(next));
  return true;
}

bool __list_del_entry_valid(list_head* entry) noexcept {
  void* const at = entry;
  list_head *const next = entry->next, *const prev = entry->prev;
  if (!next || !prev) return !WARN(true, "list_del corruption, %p->%s is NULL", at, next ? "prev" : "next");
  if (next == LIST_POISON1)
    return !WARN(true, "list_del corruption, %p->next is LIST_POISON1 (%p)", at, static_cast<void*>(next));
  if (prev == LIST_POISON2)
    return !WARN(true, "list_del corruption, %p->prev is LIST_POISON2 (%p)", at, static_cast<void*>(prev));
  if (prev->next != entry)
    return !WARN(true, "list_del corruption. prev->next should be %p, but was %p. (prev=%p)", at,
                 static_cast<void*>(prev->next), static_cast<void*>(prev));
  if (next->prev != entry)
    return !WARN(true, "list_del corruption. next->prev should be %p, but was %p. (next=%p)", at,
                 static_cast<void*>(next->prev), static_cast<void*>(next));
  return true;
}
