#include "page/frame_words.h"

namespace kmem {
void FrameWords::init(Pfn first, uint64_t nr_frames, Word* metadata) {
  first_ = first;
  nr_frames_ = nr_frames;
  free_ = metadata;
  clean_ = free_ + nr_words();
}

// Claiming -------------------------------------------------------------------------------------------------------------

FrameSet FrameWords::claim_in_word(uint64_t word, unsigned n) {
  uint64_t seen = free_[word].load();
  while (seen) {
    const uint64_t take = count_bits(seen) <= n ? seen : lowest_bits(seen, n);
    if (free_[word].compare_exchange(seen, seen & ~take)) return {word_start(word), take, take_clean(word, take)};
  }
  return {};
}

Maybe<Pfn> FrameWords::claim_run_in_word(uint64_t word, unsigned order) {
  uint64_t seen = free_[word].load();
  while (const uint64_t starts = aligned_runs(seen, order)) {
    const unsigned at = lowest_bit(starts);
    const uint64_t take = low_mask(1u << order) << at;
    if (free_[word].compare_exchange(seen, seen & ~take)) return word_start(word) + at;
  }
  return {};
}

bool FrameWords::claim_mask(uint64_t word, uint64_t mask) {
  uint64_t seen = free_[word].load();
  while ((seen & mask) == mask)
    if (free_[word].compare_exchange(seen, seen & ~mask)) return true;
  return false;
}

FrameSet FrameWords::claim_dirty_in_word(uint64_t word) {
  uint64_t seen = free_[word].load();
  while (const uint64_t take = seen & ~clean_[word].load()) {
    if (!free_[word].compare_exchange(seen, seen & ~take)) continue;
    // A frame may have been claimed and given back clean since we looked at the clean bits.
    return {word_start(word), take, take_clean(word, take)};
  }
  return {};
}

uint64_t FrameWords::take_clean(uint64_t word, uint64_t mask) {
  const uint64_t clean = clean_[word].peek() & mask;
  if (clean) clean_[word].fetch_and(~clean);
  return clean;
}

uint64_t FrameWords::take_clean_run(Pfn first, uint64_t n) {
  uint64_t clean = 0;
  for_each_word(first - first_, n, [&](uint64_t word, uint64_t mask) {
    clean += count_bits(take_clean(word, mask));
    return true;
  });
  return clean;
}

// Queries --------------------------------------------------------------------------------------------------------------

bool FrameWords::is_free(Pfn p) const { return contains(p) && (free_[(p - first_) / 64].peek() >> ((p - first_) % 64) & 1); }

bool FrameWords::is_clean(Pfn p) const { return contains(p) && (clean_[(p - first_) / 64].peek() >> ((p - first_) % 64) & 1); }

bool FrameWords::block_is_whole(uint64_t block) const {
  for (unsigned i = 0; i < kWordsPerBlock; ++i)
    if (~free_[block * kWordsPerBlock + i].load()) return false;
  return true;
}

bool FrameWords::block_has_free(uint64_t block) const {
  for (unsigned i = 0; i < kWordsPerBlock; ++i)
    if (free_[block * kWordsPerBlock + i].load()) return true;
  return false;
}

bool FrameWords::block_has_dirty(uint64_t block) const {
  for (unsigned i = 0; i < kWordsPerBlock; ++i) {
    const uint64_t word = block * kWordsPerBlock + i;
    if (free_[word].load() & ~clean_[word].load()) return true;
  }
  return false;
}

uint64_t FrameWords::count_free() const {
  uint64_t n = 0;
  for (uint64_t w = 0; w < nr_words(); ++w) n += count_bits(free_[w].peek());
  return n;
}

uint64_t FrameWords::count_clean() const {
  uint64_t n = 0;
  for (uint64_t block = 0; block < nr_blocks(); ++block) n += count_clean_in(block);
  return n;
}

unsigned FrameWords::count_clean_in(uint64_t block) const {
  unsigned n = 0;
  for (unsigned i = 0; i < kWordsPerBlock; ++i) {
    const uint64_t word = block * kWordsPerBlock + i;
    n += count_bits(free_[word].load() & clean_[word].load());
  }
  return n;
}

uint64_t FrameWords::count_whole_blocks() const {
  uint64_t n = 0;
  for (uint64_t b = 0; b < nr_blocks(); ++b) n += block_is_whole(b);
  return n;
}

}  // namespace kmem
