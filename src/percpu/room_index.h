#pragma once
// Chunks by their room: a bitmap for each power of two, one bit for each chunk.

#include "base/atomic.h"

namespace kmem {

/// Chunks by the class of their room, so that one that fits is found without searching those that don't. Lock-free, any
/// context.
///
/// A bit is a hint: a caller that finds it wrong corrects it with move(). A thread that changes a chunk's room moves the chunk,
/// and checks its room again after clearing a bit, so that a chunk with room is missing from the classes only during a move.
class RoomIndex {
 public:
  static constexpr uint32_t kMaxChunks = 1 << 16;
  static constexpr unsigned kClasses = 15;

  /// Class c has the chunks with 2^(c-1) grains in a row and fewer than 2^c; class 0, those without room, is not kept.
  static constexpr unsigned class_of(unsigned grains) { return grains ? 32 - static_cast<unsigned>(__builtin_clz(grains)) : 0; }
  /// The lowest class in which every chunk has at least that many.
  static constexpr unsigned class_above(unsigned grains) { return class_of(grains - 1) + 1; }

  /// Moves the chunk from the class `was` to class_now().
  template <typename ClassNow>
  void move(uint32_t chunk, unsigned was, ClassNow class_now) {
    for (;;) {
      const unsigned is = class_now();
      if (is) set(rows_[is], chunk);
      if (was && was != is) clear(rows_[was], chunk);
      if (class_now() == is) return;
      was = is;
    }
  }
  /// The first chunk of a class at or above `from`; kMaxChunks if there is none.
  uint32_t find(unsigned c, uint32_t from) const;

 private:
  static constexpr uint32_t kWords = kMaxChunks / 64;
  struct Row {
    Atomic<uint64_t> bits[kWords];
    Atomic<uint64_t> some[kWords / 64];  // which words are not zero: a hint, wrongly clear only for a moment
  };

  static void set(Row& row, uint32_t chunk);
  static void clear(Row& row, uint32_t chunk);

  Row rows_[kClasses];
};

}  // namespace kmem
