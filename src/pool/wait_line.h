#pragma once
// A queue of tasks that wait: first come, first served.

#include "sync/wait_word.h"

namespace kmem {

/// Tickets.  A waiter draws one, and it is its turn when all before it have left.  Lock-free; only tasks may enter.
///
/// The queue is one word, {generation, head, tail}: tickets from head to tail are in use. A task that leaves before its
/// turn leaves a mark; the task that advances the queue to that ticket skips it. Marks are set and cleared by atomic
/// operations on one word, so exactly one of the two advances the queue.
///
/// Waiters sleep on one of a few words, by ticket: with up to kWords waiters only the one whose turn it is wakes.
class WaitLine {
 public:
  static constexpr uint32_t kMostWaiters = 1024, kWords = 16;
  struct Ticket {
    uint32_t number = 0, generation = 0;
  };

  /// False: too many tasks wait already.
  bool enter(Ticket& ticket) {
    uint64_t line = line_.load();
    do {
      ticket = {tail(line), generation(line)};
      if (length(line) >= kMostWaiters) return false;
    } while (!line_.compare_exchange(line, make(generation(line), head(line), tail(line) + 1)));
    return true;
  }
  bool any() const { return length(line_.load()) != 0; }
  bool is_first(const Ticket& ticket) const {
    const uint64_t line = line_.load();
    return generation(line) == ticket.generation && head(line) == ticket.number && length(line);
  }
  /// Is the ticket still valid? Not after a fork.
  bool knows(const Ticket& ticket) const { return generation(line_.load()) == ticket.generation; }
  /// Leaves, in or out of turn; wakes the task whose turn it is then.
  void leave(const Ticket& ticket) {
    if (!knows(ticket)) return;
    if (is_first(ticket)) return move_on(ticket.number);
    mark_of(ticket.number).fetch_or(bit_of(ticket.number));
    if (is_first(ticket) && unmark(ticket.number)) move_on(ticket.number);
  }
  /// Call when there may be an element for the first waiting task.
  void wake_first() {
    const uint64_t line = line_.load();
    if (length(line)) wake(head(line));
  }

  /// Sleeps until the ticket is woken, unless that has happened since seen() said `seen`, or until the deadline.
  void wait(const Ticket& ticket, uint32_t seen, uint64_t deadline_ns) const {
    words_[ticket.number % kWords].wait(seen, deadline_ns);
  }
  /// The caller must read this before it checks for the event that it waits for.
  uint32_t seen(const Ticket& ticket) const { return words_[ticket.number % kWords].load(); }
  uint32_t nr_waiting() const { return length(line_.peek()); }

  /// In the child of a fork no task waits, and earlier tickets are invalid.
  void after_fork() {
    const uint64_t line = line_.peek();
    line_.poke(make(generation(line) + 1, 0, 0));
    for (Atomic<uint64_t>& marks : left_) marks.poke(0);
  }

 private:
  static constexpr uint64_t kMask = (1u << 24) - 1;
  static constexpr uint64_t make(uint32_t generation, uint32_t head, uint32_t tail) {
    return uint64_t{generation} << 48 | (head & kMask) << 24 | (tail & kMask);
  }
  static uint32_t generation(uint64_t line) { return static_cast<uint32_t>(line >> 48); }
  static uint32_t head(uint64_t line) { return static_cast<uint32_t>(line >> 24 & kMask); }
  static uint32_t tail(uint64_t line) { return static_cast<uint32_t>(line & kMask); }
  static uint32_t length(uint64_t line) { return static_cast<uint32_t>((tail(line) - head(line)) & kMask); }
  static uint64_t bit_of(uint32_t number) { return uint64_t{1} << (number % 64); }
  Atomic<uint64_t>& mark_of(uint32_t number) { return left_[number % kMostWaiters / 64]; }
  bool unmark(uint32_t number) { return mark_of(number).fetch_and(~bit_of(number)) & bit_of(number); }

  // Only for the holder of the first ticket, or the task that has cleared its mark.
  void move_on(uint32_t number) {
    for (;;) {
      uint64_t line = line_.load();
      while (!line_.compare_exchange(line, make(generation(line), number + 1, tail(line)))) {
      }
      number = static_cast<uint32_t>((number + 1) & kMask);
      if (tail(line) == number) return;
      if (!unmark(number)) return wake(number);
    }
  }
  void wake(uint32_t number) {
    WaitWord<uint32_t>& word = words_[number % kWords];
    word.fetch_add(1);
    word.wake_all();
  }

  Atomic<uint64_t> line_;
  Atomic<uint64_t> left_[kMostWaiters / 64];  // marks of tickets that left before their turn
  WaitWord<uint32_t> words_[kWords];
};

}  // namespace kmem
