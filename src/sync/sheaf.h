#pragma once
// Sheaves: arrays of pointers that move as a whole between the CPUs' words and the barns.

#include "base/atomic.h"
#include "base/check.h"
#include "base/sanitizer.h"
#include "port/cpu_stack.h"
#include "port/port.h"
#include "sync/cpu_requests.h"
#include "sync/index_stack.h"

namespace kmem {

/// Slot of each CPU's spare sheaves, and how many it keeps.
inline constexpr Slot kSpareSheaves{258};
inline constexpr unsigned kNrSpares = 16;

/// A sheaf that one thread owns: its 128 words and the index of the topmost entry.
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
  /// The same over fewer words, to collect pointers; it is never installed on a CPU.
  static Sheaf cut(uint64_t* words, unsigned capacity) {
    write(words[capacity], 0);
    return {words, capacity};
  }
  unsigned room() const { return top; }
  /// The capacity given to empty(); not for a sheaf made by cut().
  unsigned capacity() const {
    return __atomic_load_n(reinterpret_cast<const uint8_t*>(words) + kCapacityByte, __ATOMIC_RELAXED);
  }
  bool is_empty() const { return read(words[top]) == 0; }
  void put(void* p) {
    KMEM_ASSERT(top, >, 0u);
    KMEM_ASSERT(p, !=, nullptr);
    KMEM_GIVES(p);
    write(words[--top], reinterpret_cast<uint64_t>(p));
  }
  /// The same for n pointers, which set() then stores from the topmost down.
  void make_room(unsigned n) {
    KMEM_ASSERT(n, <=, top);
    top -= n;
  }
  void set(unsigned i, void* p) {
    KMEM_GIVES(p);
    write(words[top + i], reinterpret_cast<uint64_t>(p));
  }
  void* take() {
    auto* p = reinterpret_cast<void*>(read(words[top++]));
    KMEM_ASSERT(p, !=, nullptr);
    KMEM_TAKES(p);
    return p;
  }
  unsigned count() const {
    unsigned n = 0;
    while (read(words[top + n])) ++n;
    return n;
  }

  /// A thread that only reads a CPU's sheaf may read it while its owner changes, and detects that afterwards.
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
/// depth is the number of sheaves on that stack when it was pushed.  Sheaf 1 is never handed out: its words stay zero, and
/// closed() names it.
///
/// Invariant on a quiet system (walked by check_sheaves(), sync/sheaf_census.h):
///   Y1  every sheaf that was ever handed out is in one place: free, a CPU's, spare on a CPU, or in a barn
class SheafPool {
 public:
  /// `step`: as Machine::table_step.  False where there is no memory for the first sheaf.
  bool init(char* base, uint64_t first_offset, uint32_t nr, size_t step = 0) {
    base_ = base;
    first_ = first_offset;
    nr_ = nr;
    step_ = step;
    nr_ready_.store(step ? 0 : nr);
    nr_used_.poke(1);
    return make_ready(1);
  }
  /// A per-CPU word that is full and empty at once, as zero is: the slot is closed while a remote CPU takes its sheaf.
  uint64_t closed() const { return first_ / kWordUnit; }
  char* base() const { return base_; }

  /// A sheaf with unspecified contents; null if all are in use. Callers must work without one then.
  /// Each CPU reuses the sheaves on its own stack of spares first.
  uint64_t* get() {
    if (void* spare = CpuStack::try_pop(kSpareSheaves)) return static_cast<uint64_t*>(spare);
    return get_shared();
  }
  void put(uint64_t* words) {
    if (CpuStack::try_push(kSpareSheaves, words) != Push::Done) put_shared(words);
  }
  uint64_t* get_shared() {
    if (const uint32_t index = free_.pop(*this)) return words(index);
    for (uint32_t used = nr_used_.load(); used < nr_ && make_ready(used + 1);)
      if (nr_used_.compare_exchange(used, used + 1)) return words(used + 1);
    return nullptr;
  }
  void put_shared(uint64_t* words) { free_.push(*this, index(words)); }
  /// Gives this CPU its stack of spare sheaves.  These sheaves stay with their CPU: they are few, and empty.
  void equip_this_cpu() {
    const CpuId cpu = CpuStack::where();
    if (CpuStack::word(cpu, kSpareSheaves)) return;
    uint64_t* words = get_shared();
    if (words && !CpuStack::replace(cpu, kSpareSheaves, 0, Sheaf::empty(words, kNrSpares).as_word(base_))) put_shared(words);
  }

  /// Only one thread at a time takes a slot's sheaves from other CPUs. For the others this returns false; they do not
  /// wait.
  bool begin_taking(Slot slot) { return !(taking_[slot.index / 64].fetch_or(bit_of(slot)) & bit_of(slot)); }
  void end_taking(Slot slot) { taking_[slot.index / 64].fetch_and(~bit_of(slot)); }
  bool is_taking(Slot slot) const { return taking_[slot.index / 64].peek() & bit_of(slot); }

  /// To bring sheaves; see OtherCpus.
  CpuRequests& requests() { return requests_; }
  /// Other CPUs are interrupted wherever they would be asked (boot word membarrier).
  void set_interrupts(bool on) { interrupts_ = on; }
  Fence fence_for(OtherCpus others) const {
    return interrupts_ || others == OtherCpus::Interrupt ? Fence::Asked : Fence::Unasked;
  }

  /// The free sheaves that belong to no CPU; for walkers on a quiet system.
  template <typename Visit>
  void each_free(Visit visit) {
    uint32_t most = nr_used();  // a sheaf that lies there twice would make the walk endless
    for (uint32_t index = free_.top(); index && most--; index = link(index).peek()) visit(index);
  }
  uint32_t count_free() {
    uint32_t n = 0;
    each_free([&](uint32_t) { ++n; });
    return n;
  }
  /// In the child of a fork: sheaves that other threads of the parent held are lost.
  void after_fork() { may_miss_some_ = true; }
  bool may_miss_some() const { return may_miss_some_; }
  uint32_t nr_used() const { return nr_used_.peek(); }
  uint32_t index(const uint64_t* words) const {
    return static_cast<uint32_t>((reinterpret_cast<const char*>(words) - base_ - first_) >> kSheafShift) + 1;
  }
  uint64_t* words(uint32_t index) const {
    return reinterpret_cast<uint64_t*>(base_ + first_ + (size_t{index - 1} << kSheafShift));
  }
  Atomic<uint32_t>& link(uint32_t index) { return reinterpret_cast<Atomic<uint32_t>*>(words(index) + kSheafWords - 1)[0]; }

  /// Pushes a sheaf that the caller owns to a stack; pop returns it unchanged.
  void push(IndexStack& stack, Sheaf sheaf) {
    top_of(sheaf.words) = static_cast<uint8_t>(sheaf.top);
    const uint32_t mine = index(sheaf.words);
    KMEM_ASSERT(mine, >, 1u);  // the first is never handed out
    KMEM_ASSERT(mine, <=, nr_used());
    KMEM_ASSERT(sheaf.top, <=, kSheafCapacity);
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
  bool make_ready(uint32_t index) { return KMEM_LIKELY(index <= nr_ready_.load()) || open_to(index); }
  bool open_to(uint32_t index);
  static uint8_t& top_of(uint64_t* words) { return reinterpret_cast<uint8_t*>(words + kSheafWords - 1)[4]; }
  static_assert(kCapacityByte == (kSheafWords - 1) * sizeof(uint64_t) + 5);
  static uint16_t* depth_of(uint64_t* words) { return reinterpret_cast<uint16_t*>(words + kSheafWords - 1) + 3; }
  /// The reader may be late: another thread may own the sheaf by then.
  unsigned depth_at(uint32_t index) const { return index ? __atomic_load_n(depth_of(words(index)), __ATOMIC_RELAXED) : 0; }
  static void set_depth(uint64_t* words, unsigned n) {
    __atomic_store_n(depth_of(words), static_cast<uint16_t>(n), __ATOMIC_RELAXED);
  }

  static uint64_t bit_of(Slot slot) { return uint64_t{1} << (slot.index % 64); }

  char* base_ = nullptr;
  uint64_t first_ = 0;
  uint32_t nr_ = 0;
  size_t step_ = 0;
  Atomic<uint32_t> nr_ready_{0};  // with memory behind them, or room for it
  bool interrupts_ = false;
  bool may_miss_some_ = false;
  Atomic<uint64_t> taking_[kMaxSlots / 64];
  CpuRequests requests_;
  Atomic<uint32_t> nr_used_{0};
  IndexStack free_;
};

}  // namespace kmem
