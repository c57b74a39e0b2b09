#pragma once
// Entries (shrinkers, notifiers) that can be registered, called and unregistered at the same time.

#include "base/fault.h"
#include "sync/wait_word.h"

namespace kmem {

/// A table of up to kRoom entries that belong to the callers that registered them. Adding and calling never wait;
/// removing waits until no call of the entry runs any more. In a forked child the table is consistent: calls of other
/// threads count as ended.
///
/// Invariants (walked by check()):
///   R1  an entry that is in the table is there once, and nr() is the number of them
///   R2  a slot counts the running calls of its entry: on a quiet system none, and no entry is being removed
template <typename T, unsigned kRoom>
class Registry {
 public:
  /// Returns false if there is no room, or if the entry is registered already.
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

  /// Returns false if the entry is not registered. Task context; not from a call of that entry, which would wait for
  /// itself.
  bool remove(T& entry) {
    Slot* slot = find(entry);
    T* expected = &entry;
    if (!slot || !slot->entry.compare_exchange(expected, leaving())) return false;
    nr_.fetch_sub(1);
    while (const uint32_t users = slot->users.load()) slot->users.wait_for(users, kLookAgainNs);
    slot->entry.store(nullptr);
    return true;
  }

  /// Calls use(entry) for each, in the order of the table, until it returns false.
  template <typename Use>
  void for_each(Use use) {
    for (Slot& slot : slots_) {
      if (!slot.entry.peek()) continue;
      const uint32_t generation = generation_.peek();
      slot.users.fetch_add(1);
      T* entry = slot.entry.load();
      const bool go_on = !entry || entry == leaving() || use(*entry);
      // In a child that was forked from within the call this use is no longer counted.
      if (generation == generation_.peek()) let_go(slot);
      if (!go_on) return;
    }
  }

  bool has(T& entry) { return find(entry) != nullptr; }
  uint32_t nr() const { return nr_.peek(); }

  /// On a quiet system.
  Fault check() const {
    uint32_t nr = 0;
    for (unsigned i = 0; i < kRoom; ++i) {
      const T* entry = slots_[i].entry.peek();
      if (slots_[i].users.peek() || entry == leaving())
        return {"R2 a slot counts the calls of its entry", i, 0, slots_[i].users.peek()};
      for (unsigned j = 0; entry && j < i; ++j)
        if (slots_[j].entry.peek() == entry) return {"R1 an entry is there once", i, i, j};
      nr += entry != nullptr;
    }
    if (nr != nr_.peek()) return {"R1 nr() is the number of entries", 0, nr, nr_.peek()};
    return {};
  }

  void after_fork() {
    generation_.poke(generation_.peek() + 1);
    for (Slot& slot : slots_) {
      slot.users.poke(0);
      if (slot.entry.peek() == leaving()) slot.entry.poke(nullptr);
    }
  }

 private:
  friend class RegistryTestPeer;
  static constexpr uint64_t kLookAgainNs = 100'000'000;
  struct Slot {
    Atomic<T*> entry;
    WaitWord<uint32_t> users{0};
  };
  /// Not the address of any entry: marks a slot that is not free until its last user has left.
  static T* leaving() { return reinterpret_cast<T*>(alignof(T)); }

  Slot* find(T& entry) {
    for (Slot& slot : slots_)
      if (slot.entry.peek() == &entry) return &slot;
    return nullptr;
  }

  void let_go(Slot& slot) {
    if (slot.users.fetch_sub(1) == 1 && slot.entry.load() == leaving()) slot.users.wake_all();
  }

  Slot slots_[kRoom];
  Atomic<uint32_t> nr_{0};
  Atomic<uint32_t> generation_{0};
};

}  // namespace kmem
