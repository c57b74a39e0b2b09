#pragma once
// Things that others register, call and take away again, while calls of them run.

#include "base/atomic.h"
#include "port/port.h"

namespace kmem {

inline const uint32_t* word_of(const Atomic<uint32_t>& word) { return reinterpret_cast<const uint32_t*>(&word); }

/// A table of up to kRoom entries that belong to whoever registered them.  Adding and calling wait for nobody; removing
/// waits until no call of the entry runs any more.  A forked child finds it sound: the calls of other threads are over.
///
/// Invariants:
///   R1  an entry that is in the table is there once
///   R2  while an entry is called, its slot counts a user
template <typename T, unsigned kRoom>
class Registry {
 public:
  /// False: there is no room, or it is registered already.
  bool add(T& entry) {
    if (find(entry)) return false;
    for (Slot& slot : slots_) {
      T* none = nullptr;
      if (slot.users.peek() || !slot.entry.compare_exchange(none, &entry)) continue;
      nr_.fetch_add(1);
      return true;
    }
    return false;
  }

  /// False: it is not registered.  Task context; not from a call of that entry, which would wait for itself.
  bool remove(T& entry) {
    Slot* slot = find(entry);
    T* expected = &entry;
    if (!slot || !slot->entry.compare_exchange(expected, leaving())) return false;
    nr_.fetch_sub(1);
    while (const uint32_t users = slot->users.load())
      kmem_port_wait(word_of(slot->users), users, kmem_port_now_ns() + kLookAgainNs);
    slot->entry.store(nullptr);
    return true;
  }

  /// Calls use(entry) for each, in the order of the table; false from it ends the walk.
  template <typename Use>
  void for_each(Use use) {
    for (Slot& slot : slots_) {
      if (!slot.entry.peek()) continue;
      const uint32_t generation = generation_.peek();
      slot.users.fetch_add(1);
      T* entry = slot.entry.load();
      const bool go_on = !entry || entry == leaving() || use(*entry);
      // In a child that was forked from within the call nobody counts us any more.
      if (generation == generation_.peek()) let_go(slot);
      if (!go_on) return;
    }
  }

  bool has(T& entry) { return find(entry) != nullptr; }
  uint32_t nr() const { return nr_.peek(); }

  void after_fork() {
    generation_.poke(generation_.peek() + 1);
    for (Slot& slot : slots_) {
      slot.users.poke(0);
      if (slot.entry.peek() == leaving()) slot.entry.poke(nullptr);
    }
  }

 private:
  static constexpr uint64_t kLookAgainNs = 100'000'000;
  struct Slot {
    Atomic<T*> entry;
    Atomic<uint32_t> users{0};
  };
  /// Nobody's address: the slot is not free until its last user has gone.
  static T* leaving() { return reinterpret_cast<T*>(alignof(T)); }

  Slot* find(T& entry) {
    for (Slot& slot : slots_)
      if (slot.entry.peek() == &entry) return &slot;
    return nullptr;
  }

  void let_go(Slot& slot) {
    if (slot.users.fetch_sub(1) == 1 && slot.entry.load() == leaving()) kmem_port_wake(word_of(slot.users), ~uint32_t{0});
  }

  Slot slots_[kRoom];
  Atomic<uint32_t> nr_{0};
  Atomic<uint32_t> generation_{0};
};

}  // namespace kmem
