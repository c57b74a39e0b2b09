#pragma once
// How many elements of a pool are out, without a cache line that all CPUs write.

#include "base/atomic.h"
#include "port/cpu_stack.h"

namespace kmem {

/// An exact count, as the sum of shares, one for each CPU. An element that goes out is added to its CPU's share; one that comes
/// back is taken from that share or, if it is empty, from the fullest one, of which half comes along. So a CPU that only takes
/// and one that only gives meet seldom.  An element too many finds every share empty.
///
/// At each moment every element that is out stands in some share: a move adds before it takes away.  Each addition changes the
/// word's upper half as well; two looks at all shares that find the same words, all empty, therefore prove that nothing was out
/// between them.
///
/// Lock-free, in any context.
class OutCount {
 public:
  /// The elements in the lower half.
  using Word = Atomic<uint64_t>;
  struct Share {
    Word word;
    uint64_t rest_of_line[7];
  };

  /// `shares`: zeroed, as many as a power of two; null: all CPUs use one word in here.
  void init(Share* shares, uint32_t nr) {
    first_ = shares ? &shares->word : &own_;
    mask_ = shares ? nr - 1 : 0;
  }
  /// Back to the one word; returns the shares, which the caller frees.
  Share* fold();

  KMEM_INLINE void add() { mine().fetch_add(kAddition + 1); }
  /// False: none was out.
  bool sub() { return sub_here() || sub_elsewhere(); }
  /// False: this CPU's share is empty.
  KMEM_INLINE bool sub_here() {
    Word& word = mine();
    for (uint64_t old = word.load(); KMEM_LIKELY(nr_in(old) != 0);)
      if (KMEM_LIKELY(word.compare_exchange(old, old - 1))) return true;
    return false;
  }
  /// After fold(), exactly for the last one: it was the last.
  bool sub_is_last() { return nr_in(own_.fetch_sub(1)) == 1; }
  /// May be too large while another CPU moves elements between shares.
  int64_t sum() const;
  bool any_negative() const;

 private:
  friend class OutCountTestPeer;
  static constexpr uint64_t kAddition = uint64_t{1} << 32;
  static constexpr uint32_t nr_in(uint64_t word) { return static_cast<uint32_t>(word); }

  /// What a look at all shares found.
  struct Fullest {
    Word* word = nullptr;  // null: all are empty
    uint64_t seen = 0;
    uint64_t additions = 0;  // to all shares
  };

  KMEM_INLINE Word& share(uint32_t i) const { return first_[i * (sizeof(Share) / sizeof(Word))]; }
  KMEM_INLINE Word& mine() const { return share(CpuStack::hint() & mask_); }
  template <typename Visit>
  void each(Visit visit) const {
    for (uint32_t i = 0; i <= mask_; ++i) visit(share(i));
    if (first_ != &own_) visit(const_cast<Word&>(own_));
  }
  Fullest find_fullest() const;
  bool sub_elsewhere();
  void move_here(Word& from, uint32_t nr);

  Word own_;
  Word* first_ = &own_;  // the shares
  uint32_t mask_ = 0;
};

}  // namespace kmem
