#pragma once
// Sheaves: arrays of pointers that move as a whole between the CPUs' words and the barns.

#include "base/atomic.h"
#include "base/sanitizer.h"
#include "port/cpu_stack.h"
#include "sync/index_stack.h"

namespace kmem {

/// Slot of each CPU's spare sheaves, and how many it keeps.
inline constexpr Slot kSpareSheaves{258};
inline constexpr unsigned kNrSpares = 16;

/// One sheaf in private hands: its 128 words and the index of the topmost entry.
///
/// Entries lie from `top` up to a zero word.  A sheaf of less than full capacity has its zero further down, so that
/// "full" is always the start of the 1 KiB and "empty" always a zero at the top (port/layout.h).
struct Sheaf {
  uint64_t* words = nullptr;
  unsigned top = 0;

  explicit operator bool() const { return words != nullptr; }
  static Sheaf empty(uint64_t* words, unsigned capacity) {
    reinterpret_cast<uint8_t*>(words)[kCapacityByte] = static_cast<uint8_t>(capacity);
    return cut(words, capacity);
  }
  /// The same over fewer words, for who collects pointers by way of a sheaf; it is never a CPU's.
  static Sheaf cut(uint64_t* words, unsigned capacity) {
    write(words[capacity], 0);
    return {words, capacity};
  }
  unsigned room() const { return top; }
  bool is_empty() const { return read(words[top]) == 0; }
  void put(void* p) {
    KMEM_GIVES(p);
    write(words[--top], reinterpret_cast<uint64_t>(p));
  }
  /// The same for n pointers: set() then says what they are, from the topmost down.
  void make_room(unsigned n) { top -= n; }
  void set(unsigned i, void* p) {
    KMEM_GIVES(p);
    write(words[top + i], reinterpret_cast<uint64_t>(p));
  }
  void* take() {
    auto* p = reinterpret_cast<void*>(read(words[top++]));
    KMEM_TAKES(p);
    return p;
  }
  unsigned count() const {
    unsigned n = 0;
    while (read(words[top + n])) ++n;
    return n;
  }

  /// Who only looks at a CPU's sheaf may see it while it becomes somebody else's, and finds that out afterwards.
  static uint64_t read(const uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); }
  static void write(uint64_t& word, uint64_t value) { __atomic_store_n(&word, value, __ATOMIC_RELAXED); }

  /// As a per-CPU word, and back.
  uint64_t as_word(const char* base) const {
    return static_cast<uint64_t>(reinterpret_cast<const char*>(words + top) - base) / kWordUnit;
  }
  static Sheaf of_word(char* base, uint64_t word) {
    if (!word) return {};
    const uint64_t start = (word * kWordUnit) & ~uint64_t{kSheafBytes - 1};
    return {reinterpret_cast<uint64_t*>(base + start), static_cast<unsigned>(word & 0xff) / kWordStep};
  }
};

/// All sheaves of the system: a stretch of address space after the per-CPU words, touched as it is used and reused last
/// in, first out.  Lock-free, any context.
///
/// A sheaf has an index, 1 to nr; while it lies on an IndexStack its last word is {depth:16, capacity:8, top:8, link:32}, where
/// depth is the number of sheaves on that stack when it came.  Sheaf 1 is never handed out: its words stay zero, and
/// closed() names it.
class SheafPool {
 public:
  void init(char* base, uint64_t first_offset, uint32_t nr) {
    base_ = base;
    first_ = first_offset;
    nr_ = nr;
    nr_used_.poke(1);
  }
  /// A per-CPU word that is full and empty at once, as zero is: the slot is closed while a remote CPU takes its sheaf.
  uint64_t closed() const { return first_ / kWordUnit; }
  char* base() const { return base_; }

  /// A sheaf with unspecified contents; null when all are in use, and then callers do without.
  /// Those that this CPU used last lie on a stack of its own.
  uint64_t* get() {
    if (void* spare = CpuStack::try_pop(kSpareSheaves)) return static_cast<uint64_t*>(spare);
    return get_shared();
  }
  void put(uint64_t* words) {
    if (CpuStack::try_push(kSpareSheaves, words) != Push::Done) put_shared(words);
  }
  uint64_t* get_shared() {
    if (const uint32_t index = free_.pop(*this)) return words(index);
    const uint32_t index = nr_used_.fetch_add(1) + 1;
    if (index <= nr_) return words(index);
    nr_used_.fetch_sub(1);
    return nullptr;
  }
  void put_shared(uint64_t* words) { free_.push(*this, index(words)); }
  /// Gives this CPU its stack of spare sheaves.  They stay with their CPU: they are few, and hold nothing.
  void equip_this_cpu() {
    const CpuId cpu = CpuStack::where();
    if (CpuStack::word(cpu, kSpareSheaves)) return;
    uint64_t* words = get_shared();
    if (words && !CpuStack::replace(cpu, kSpareSheaves, 0, Sheaf::empty(words, kNrSpares).as_word(base_))) put_shared(words);
  }

  /// One at a time takes a slot's sheaves out of other CPUs; the others are told no, and do not wait.
  bool begin_taking(Slot slot) { return !(taking_[slot.index / 64].fetch_or(bit_of(slot)) & bit_of(slot)); }
  void end_taking(Slot slot) { taking_[slot.index / 64].fetch_and(~bit_of(slot)); }
  bool is_taking(Slot slot) const { return taking_[slot.index / 64].peek() & bit_of(slot); }

  /// Those that lie here for anybody; for walkers on a quiet system.
  uint32_t count_free() {
    uint32_t n = 0;
    for (uint32_t index = free_.top(); index; index = link(index).peek()) ++n;
    return n;
  }
  uint32_t nr_used() const { return nr_used_.peek(); }
  uint32_t index(const uint64_t* words) const {
    return static_cast<uint32_t>((reinterpret_cast<const char*>(words) - base_ - first_) >> kSheafShift) + 1;
  }
  uint64_t* words(uint32_t index) const {
    return reinterpret_cast<uint64_t*>(base_ + first_ + (size_t{index - 1} << kSheafShift));
  }
  Atomic<uint32_t>& link(uint32_t index) { return reinterpret_cast<Atomic<uint32_t>*>(words(index) + kSheafWords - 1)[0]; }

  /// A private sheaf goes on a stack of such, and comes back as it was.
  void push(IndexStack& stack, Sheaf sheaf) {
    top_of(sheaf.words) = static_cast<uint8_t>(sheaf.top);
    const uint32_t mine = index(sheaf.words);
    stack.push_chain(*this, mine, mine, [&](uint32_t below) { set_depth(sheaf.words, depth_at(below) + 1); });
  }
  Sheaf pop(IndexStack& stack) {
    const uint32_t index = stack.pop(*this);
    return index ? parked(index) : Sheaf{};
  }
  Sheaf parked(uint32_t index) const { return {words(index), top_of(words(index))}; }
  /// How many sheaves lie on the stack, as the topmost remembers it: exact on a quiet system.
  unsigned depth(const IndexStack& stack) const { return depth_at(stack.top()); }

 private:
  static uint8_t& top_of(uint64_t* words) { return reinterpret_cast<uint8_t*>(words + kSheafWords - 1)[4]; }
  static_assert(kCapacityByte == (kSheafWords - 1) * sizeof(uint64_t) + 5);
  static uint16_t* depth_of(uint64_t* words) { return reinterpret_cast<uint16_t*>(words + kSheafWords - 1) + 3; }
  /// Whoever looks may be late, and the sheaf somebody's by then.
  unsigned depth_at(uint32_t index) const {
    return index ? __atomic_load_n(depth_of(words(index)), __ATOMIC_RELAXED) : 0;
  }
  static void set_depth(uint64_t* words, unsigned n) {
    __atomic_store_n(depth_of(words), static_cast<uint16_t>(n), __ATOMIC_RELAXED);
  }

  static uint64_t bit_of(Slot slot) { return uint64_t{1} << (slot.index % 64); }

  char* base_ = nullptr;
  uint64_t first_ = 0;
  uint32_t nr_ = 0;
  Atomic<uint64_t> taking_[kMaxSlots / 64];
  Atomic<uint32_t> nr_used_{0};
  IndexStack free_;
};

}  // namespace kmem
