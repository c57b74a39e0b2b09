#pragma once
// A queue of tasks that wait: first come, first served.

#include "base/atomic.h"
#include "port/port.h"

namespace kmem {

/// Tickets.  A waiter draws one, and it is its turn when all before it have left.  Lock-free; only entering is for
/// tasks.
///
/// The line is one word, {generation, head, tail}: tickets from head to tail are out.  Whoever leaves before its turn
/// leaves a mark, and whoever brings the turn there passes over it: marks are set and cleared by atomic operations on
/// the same word, so exactly one of the two moves the line on.
///
/// Waiters sleep on one of a few bells, by ticket: with up to kBells waiters only the one whose turn it is wakes.
class WaitLine {
 public:
  static constexpr uint32_t kMostWaiters = 1024, kBells = 16;
  struct Ticket {
    uint32_t number = 0, generation = 0;
  };

  /// False: too many wait already.
  bool enter(Ticket& ticket) {
    uint64_t line = line_.load();
    do {
      ticket = {tail(line), generation(line)};
      if (length(line) >= kMostWaiters) return false;
    } while (!line_.compare_exchange(line, make(generation(line), head(line), tail(line) + 1)));
    return true;
  }
  bool anybody() const { return length(line_.load()) != 0; }
  bool is_first(const Ticket& ticket) const {
    const uint64_t line = line_.load();
    return generation(line) == ticket.generation && head(line) == ticket.number && length(line);
  }
  /// Does the line still know the ticket?  Not after a fork.
  bool knows(const Ticket& ticket) const { return generation(line_.load()) == ticket.generation; }
  /// In or out of turn; the next one's bell rings.
  void leave(const Ticket& ticket) {
    if (!knows(ticket)) return;
    if (is_first(ticket)) return move_on(ticket.number);
    mark_of(ticket.number).fetch_or(bit_of(ticket.number));
    if (is_first(ticket) && unmark(ticket.number)) move_on(ticket.number);
  }
  /// There may be something for the first in line.
  void ring() {
    const uint64_t line = line_.load();
    if (length(line)) ring(head(line));
  }

  const uint32_t* bell(const Ticket& ticket) const {
    return reinterpret_cast<const uint32_t*>(&bells_[ticket.number % kBells]);
  }
  /// Look at it before you look for what you wait for.
  uint32_t seen(const Ticket& ticket) const { return bells_[ticket.number % kBells].load(); }
  uint32_t nr_waiting() const { return length(line_.peek()); }

  /// In the child of a fork nobody waits, and tickets of before are void.
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

  // For who holds the first ticket, or has cleared its mark.
  void move_on(uint32_t number) {
    for (;;) {
      uint64_t line = line_.load();
      while (!line_.compare_exchange(line, make(generation(line), number + 1, tail(line)))) {
      }
      number = static_cast<uint32_t>((number + 1) & kMask);
      if (tail(line) == number) return;
      if (!unmark(number)) return ring(number);
    }
  }
  void ring(uint32_t number) {
    Atomic<uint32_t>& bell = bells_[number % kBells];
    bell.fetch_add(1);
    kmem_port_wake(reinterpret_cast<const uint32_t*>(&bell), ~uint32_t{0} >> 1);
  }

  Atomic<uint64_t> line_;
  Atomic<uint64_t> left_[kMostWaiters / 64];  // marks of those who left before their turn
  Atomic<uint32_t> bells_[kBells];
};

}  // namespace kmem
