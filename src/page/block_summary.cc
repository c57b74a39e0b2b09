#include "page/block_summary.h"

namespace kmem {

void BlockSummary::init(uint64_t nr_blocks, Atomic<uint64_t>* metadata) {
  nr_words_ = nr_words(nr_blocks);
  AtomicBits* const all[] = {&some, &whole, &dirty, &begun, &filling, &taken};
  for (AtomicBits* bits : all) {
    bits->init(metadata);
    metadata += nr_words_;
  }
}

int64_t BlockSummary::find_partial(uint64_t from) const {
  for (uint64_t w = from / 64; w < nr_words_; ++w) {
    uint64_t partial = some.word(w) & ~whole.word(w);
    if (w == from / 64) partial &= ~low_mask(from % 64);
    if (partial) return static_cast<int64_t>(w * 64 + lowest_bit(partial));
  }
  return -1;
}

int64_t BlockSummary::find_untaken() const {
  for (uint64_t w = 0; w < nr_words_; ++w)
    if (const uint64_t partial = some.word(w) & ~whole.word(w) & ~taken.word(w))
      return static_cast<int64_t>(w * 64 + lowest_bit(partial));
  for (uint64_t w = 0; w < nr_words_; ++w)
    if (const uint64_t found = whole.word(w) & ~taken.word(w)) return static_cast<int64_t>(w * 64 + lowest_bit(found));
  return -1;
}

int64_t BlockSummary::find_whole(uint64_t from) const {
  for (uint64_t w = from / 64; w < nr_words_; ++w) {
    uint64_t found = whole.word(w);
    if (w == from / 64) found &= ~low_mask(from % 64);
    if (found) return static_cast<int64_t>(w * 64 + lowest_bit(found));
  }
  return -1;
}

int64_t BlockSummary::find_dirty(int64_t from, Blocks which) const {
  if (from < 0) return -1;
  for (int64_t w = from / 64; w >= 0; --w) {
    uint64_t found = dirty.word(static_cast<uint64_t>(w));
    if (which == Blocks::Whole) found &= whole.word(static_cast<uint64_t>(w));
    if (w == from / 64) found &= low_mask(static_cast<unsigned>(from % 64) + 1);
    if (found) return w * 64 + highest_bit(found);
  }
  return -1;
}

void BlockSummary::lower_run_hints(unsigned orders, uint64_t block) {
  for (unsigned order = 0; order < orders; ++order) lower(run_from_[order], block);
}

void BlockSummary::lower_span_hints(uint64_t block) {
  for (Atomic<uint64_t>& hint : span_from_) lower(hint, block);
}

}  // namespace kmem
