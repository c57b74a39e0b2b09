#include "page/frame_bits.h"

#include "base/check.h"

namespace kmem {

namespace {

/// Counts a block's free runs as a buddy allocator would list them; the block is not whole.
void count_runs_in_block(const Atomic<uint64_t>* words, uint64_t (&nr)[kMaxOrder + 1]) {
  // Each word's runs, largest first.  Larger runs are counted in a word with one bit for each word that is free as a whole.
  uint64_t whole_words = 0;
  for (unsigned i = 0; i < FrameWords::kWordsPerBlock; ++i) {
    uint64_t word = words[i].peek();
    if (!~word) {
      whole_words |= uint64_t{1} << i;
      continue;
    }
    for (int order = 5; order >= 0; --order) {
      const uint64_t starts = aligned_runs(word, static_cast<unsigned>(order));
      nr[order] += count_bits(starts);
      for (uint64_t s = starts; s; s &= s - 1) word &= ~(low_mask(1u << order) << lowest_bit(s));
    }
  }
  for (int order = 2; order >= 0; --order) {
    const uint64_t starts = aligned_runs(whole_words, static_cast<unsigned>(order));
    nr[6 + order] += count_bits(starts);
    for (uint64_t s = starts; s; s &= s - 1) whole_words &= ~(low_mask(1u << order) << lowest_bit(s));
  }
}

}  // namespace

size_t FrameBits::metadata_bytes(uint64_t nr_frames) {
  const uint64_t words = metadata_words(nr_frames) + BlockSummary::metadata_words(nr_blocks_of(nr_frames));
  // One block's words are one cache line; the summaries follow.
  return round_up(words * sizeof(Word), kCacheLine);
}

void FrameBits::init(Pfn first, uint64_t nr_frames, void* metadata) {
  auto* const words = static_cast<Word*>(metadata);
  FrameWords::init(first, nr_frames, words);
  summary_.init(nr_blocks(), words + metadata_words(nr_frames));
}

// Single frames --------------------------------------------------------------------------------------------------------

FrameSet FrameBits::claim_in_block(uint64_t block, unsigned n) {
  for (unsigned i = 0; i < kWordsPerBlock; ++i)
    if (const FrameSet set = claim_in_word(block * kWordsPerBlock + i, n); set.mask) return note_claimed(block), set;
  return {};
}

int64_t FrameBits::find_block() const {
  const int64_t block = summary_.find_partial(0);
  return block < 0 ? summary_.find_whole(0) : block;
}

FrameSet FrameBits::claim_some(unsigned n) {
  for (int64_t block = find_block(); block >= 0; block = find_block()) {
    if (const FrameSet set = claim_in_block(static_cast<uint64_t>(block), n); set.mask) return set;
    correct_summary(static_cast<uint64_t>(block));
  }
  return {};
}

FrameSet FrameBits::claim_some(unsigned n, ClaimHint& hint) {
  if (hint.block && hint.block <= nr_blocks())
    if (const FrameSet set = claim_in_block(hint.block - 1, n); set.mask) return set;
  if (const int64_t own = summary_.find_untaken(); own >= 0) {
    move_to(static_cast<uint64_t>(own), hint);
    if (const FrameSet set = claim_in_block(static_cast<uint64_t>(own), n); set.mask) return set;
  }
  return claim_some(n);
}

// Marks that are left behind, by a hint that was lost, only make others look elsewhere first.
void FrameBits::move_to(uint64_t block, ClaimHint& hint) {
  if (hint.block && hint.block <= nr_blocks()) summary_.taken.clear(hint.block - 1);
  summary_.taken.set(block);
  hint.block = static_cast<uint32_t>(block) + 1;
}

// The hints that led to a block without a free frame were wrong.
void FrameBits::correct_summary(uint64_t block) {
  summary_.some.clear(block);
  if (block_has_free(block)) summary_.some.set(block);
  update_whole(block);
}

// Each CPU that writes the bit checks the block again afterwards, so the last value written is the right one.
void FrameBits::update_whole(uint64_t block) {
  for (bool whole = block_is_whole(block), seen = !whole; whole != seen;) {
    whole ? summary_.whole.set(block) : summary_.whole.clear(block);
    seen = whole;
    whole = block_is_whole(block);
  }
}

void FrameBits::note_claimed(uint64_t block) {
  // Once all frames of a block have been claimed, every frame that is freed has been used.
  if (is_filling(block) && !block_has_free(block)) summary_.filling.clear(block);
  if (!summary_.whole.test(block)) return;
  // A block that was whole is partly used now, and its remaining frames may serve runs.
  update_whole(block);
  summary_.lower_run_hints(kBlockOrder, block);
}

// Runs -----------------------------------------------------------------------------------------------------------------

bool FrameBits::claim_words(uint64_t first_word, uint64_t n) {
  for (uint64_t i = 0; i < n; ++i) {
    uint64_t all = ~uint64_t{0};
    if (free_[first_word + i].compare_exchange(all, 0)) continue;
    while (i--) give_back_bits(first_word + i, ~uint64_t{0});
    return false;
  }
  return true;
}

Maybe<Pfn> FrameBits::claim_run_in_block(uint64_t block, Order order) {
  const uint64_t first_word = block * kWordsPerBlock;
  if (order.value <= 6) {
    for (unsigned i = 0; i < kWordsPerBlock; ++i)
      if (const auto at = claim_run_in_word(first_word + i, order.value)) return at;
    return {};
  }
  const unsigned words = 1u << (order.value - 6);
  for (unsigned i = 0; i < kWordsPerBlock; i += words) {
    if (~free_[first_word + i].load()) continue;
    if (claim_words(first_word + i, words)) return word_start(first_word + i);
  }
  return {};
}

Maybe<Pfn> FrameBits::claim_run_in_partials(Order order, uint64_t from, Where where) {
  uint64_t hint = nr_blocks();  // the first block that was skipped, or in which a run was found
  for (int64_t b = summary_.find_partial(from); b >= 0; b = summary_.find_partial(static_cast<uint64_t>(b) + 1)) {
    const auto block = static_cast<uint64_t>(b);
    if (is_barred(block, where)) {
      if (hint > block) hint = block;
      continue;
    }
    const auto at = claim_run_in_block(block, order);
    if (!at) continue;
    summary_.set_run_from(order.value, hint < block ? hint : block);
    note_claimed(block);
    return at;
  }
  summary_.set_run_from(order.value, hint);
  return {};
}

Maybe<Pfn> FrameBits::claim_run_in_wholes(Order order, Where where) {
  for (int64_t b = summary_.find_whole(0); b >= 0; b = summary_.find_whole(static_cast<uint64_t>(b) + 1)) {
    if (is_barred(static_cast<uint64_t>(b), where)) continue;
    const auto at = claim_run_in_block(static_cast<uint64_t>(b), order);
    if (!at) continue;
    note_claimed(static_cast<uint64_t>(b));
    return at;
  }
  return {};
}

Maybe<Pfn> FrameBits::claim_blocks(Order order, Where where) {
  const uint64_t n = order.pages() / kBlockFrames;
  for (int64_t b = summary_.find_whole(0); b >= 0; b = summary_.find_whole(static_cast<uint64_t>(b) + 1)) {
    const auto block = static_cast<uint64_t>(b);
    if (block % n || (block + n) * kBlockFrames > nr_blocks() * kBlockFrames) continue;
    if (is_barred(block, where) || is_barred(block + n - 1, where)) continue;
    if (!claim_words(block * kWordsPerBlock, n * kWordsPerBlock)) continue;
    for (uint64_t i = 0; i < n; ++i) note_claimed(block + i);
    return block_start(block);
  }
  return {};
}

Maybe<Pfn> FrameBits::claim_run(Order order, uint64_t& clean, Where where) {
  Maybe<Pfn> at;
  if (order.value >= kBlockOrder) {
    at = claim_blocks(order, where);
  } else {
    at = claim_run_in_partials(order, summary_.run_from(order.value), where);
    if (!at) at = claim_run_in_wholes(order, where);
    // This CPU may have raised the hint just after another one lowered it: search all blocks before giving up.
    if (!at) at = claim_run_in_partials(order, 0, where);
  }
  if (!at) return {};
  clean = take_clean_run(*at, order.pages());
  return at;
}

// The lowest frame at or above `from` at which n free ones in a row begin; nr_frames() if there is none.  One pass over the
// words, which carries the number of free frames at the end of the preceding words.
uint64_t FrameBits::find_span(uint64_t from, uint64_t n, Where where) const {
  uint64_t run = 0;
  for (uint64_t w = from / 64; w < nr_words(); ++w) {
    const uint64_t block = w / kWordsPerBlock;
    if ((w % kWordsPerBlock == 0 || w == from / 64) && (!summary_.some.test(block) || is_barred(block, where))) {
      run = 0;
      w = (block + 1) * kWordsPerBlock - 1;
      continue;
    }
    uint64_t word = free_[w].peek();
    if (w == from / 64) word &= ~low_mask(from % 64);
    const uint64_t low = ones_below(word);
    if (run + low >= n) return w * 64 - run;
    if (low == 64) {
      run += 64;
      continue;
    }
    if (const uint64_t starts = n < 64 ? runs(word, static_cast<unsigned>(n)) : 0) return w * 64 + lowest_bit(starts);
    run = ones_above(word);
  }
  return nr_frames();
}

Maybe<Pfn> FrameBits::claim_span(uint64_t n, uint64_t& clean, Where where) {
  const uint64_t hinted = summary_.span_from(n) * kBlockFrames;
  for (uint64_t from = hinted < nr_frames() ? hinted : 0, start = from;;) {
    const uint64_t at = find_span(from, n, where);
    if (at + n <= nr_frames() && at < nr_frames()) {
      if (claim_at(first() + at, n, clean)) {
        summary_.set_span_from(n, at / kBlockFrames);
        return first() + at;
      }
      from = at + 1;  // another CPU was faster
      continue;
    }
    if (!start) return {};
    from = start = 0;
  }
}

bool FrameBits::claim_at(Pfn at, uint64_t n, uint64_t& clean) {
  if (!contains(at) || !contains(at + (n - 1))) return false;
  const auto claim_one = [this](uint64_t word, uint64_t mask) {
    if (!claim_mask(word, mask)) return false;
    note_claimed(word / kWordsPerBlock);
    return true;
  };
  const auto undo = [this](uint64_t word, uint64_t mask) { return give_back_bits(word, mask), true; };
  const uint64_t done = for_each_word(at - first(), n, claim_one);
  if (done < n) return for_each_word(at - first(), done, undo), false;
  clean = take_clean_run(at, n);
  return true;
}

// Giving back ----------------------------------------------------------------------------------------------------------

void FrameBits::note_given(uint64_t word, uint64_t now) {
  const uint64_t block = word / kWordsPerBlock;
  summary_.some.set(block);
  if (!~now && block_is_whole(block)) update_whole(block);
  summary_.lower_span_hints(block);
  // The orders for which the word now has a run.
  unsigned orders = ~now ? 0 : kBlockOrder;
  while (orders <= 6 && aligned_runs(now, orders)) ++orders;
  summary_.lower_run_hints(orders, block);
}

// The owner has not taken the clean bits: they are as when it claimed the frames.
void FrameBits::give_back_bits(uint64_t word, uint64_t mask) {
  KMEM_ASSERT(free_[word].peek() & mask, ==, uint64_t{0});
  const bool dirty = mask & ~clean_[word].load();
  note_given(word, free_[word].fetch_or(mask) | mask);
  if (dirty) summary_.dirty.set(word / kWordsPerBlock);
}

uint64_t FrameBits::give_back(FrameSet frames) {
  KMEM_ASSERT(frames.first.value, >=, first().value);
  KMEM_ASSERT(frames.first - first(), <, nr_frames());
  KMEM_ASSERT(frames.clean & ~frames.mask, ==, uint64_t{0});
  const uint64_t word = (frames.first - first()) / 64;
  if (frames.clean) clean_[word].fetch_or(frames.clean);
  const uint64_t before = free_[word].fetch_or(frames.mask);
  note_given(word, before | frames.mask);
  // Only after the frames are free, because forget_dirty() first clears the bit and then looks at the frames.
  if (frames.mask & ~frames.clean) summary_.dirty.set(word / kWordsPerBlock);
  return before & frames.mask;
}

// Whole words of one block: the hints are updated once for all of them.
void FrameBits::give_back_words(uint64_t word, uint64_t n, Frames are) {
  for (uint64_t i = 0; i < n; ++i) {
    KMEM_ASSERT(free_[word + i].peek(), ==, uint64_t{0});
    if (are == Frames::Clean) clean_[word + i].store(~uint64_t{0});
    free_[word + i].store(~uint64_t{0});
  }
  note_given(word + n - 1, ~uint64_t{0});
  if (are == Frames::Dirty) summary_.dirty.set(word / kWordsPerBlock);
}

void FrameBits::give_back_run(Pfn start, uint64_t n, Frames are) {
  KMEM_ASSERT(start.value, >=, first().value);
  KMEM_ASSERT(start - first() + n, <=, nr_frames());
  for (uint64_t done = 0; done < n;) {
    const uint64_t i = start - first() + done, left = n - done;
    const uint64_t to_block_end = kBlockFrames - i % kBlockFrames;
    if (i % 64 == 0 && left >= 64) {
      const uint64_t words = (left < to_block_end ? left : to_block_end) / 64;
      give_back_words(i / 64, words, are);
      done += words * 64;
      continue;
    }
    const uint64_t count = left < 64 - i % 64 ? left : 64 - i % 64;
    const uint64_t mask = low_mask(static_cast<unsigned>(count)) << (i % 64);
    const uint64_t twice = give_back({word_start(i / 64), mask, are == Frames::Clean ? mask : 0});
    KMEM_ASSERT(twice, ==, uint64_t{0});
    done += count;
  }
}

// Frames to give to the host -------------------------------------------------------------------------------------------

void FrameBits::forget_dirty(uint64_t block) {
  summary_.dirty.clear(block);
  if (block_has_dirty(block)) summary_.dirty.set(block);
}

bool FrameBits::begin_block(uint64_t block, uint64_t n) {
  if (!summary_.begun.set_first(block)) return false;
  const unsigned fresh = count_clean_in(block);
  if (fresh + n < kBlockFrames) return false;
  if (fresh) summary_.filling.set(block);
  return true;
}

uint64_t FrameBits::make_dirty(uint64_t block) {
  uint64_t n = 0;
  for (unsigned i = 0; i < kWordsPerBlock; ++i) {
    const uint64_t word = block * kWordsPerBlock + i;
    // Claims the frames first, because only a frame's owner may read its clean bit.
    uint64_t free = free_[word].load();
    while (free && !free_[word].compare_exchange(free, 0)) {
    }
    if (!free) continue;
    n += count_bits(take_clean(word, free));
    give_back_bits(word, free);
  }
  summary_.dirty.set(block);
  return n;
}

FrameSet FrameBits::claim_dirty(uint64_t block, unsigned& word) {
  for (; word < kWordsPerBlock; ++word)
    if (const FrameSet set = claim_dirty_in_word(block * kWordsPerBlock + word); set.mask) return set;
  return {};
}

bool FrameBits::claim_whole(uint64_t block, uint64_t& clean) {
  if (!claim_words(block * kWordsPerBlock, kWordsPerBlock)) return false;
  clean = take_clean_run(block_start(block), kBlockFrames);
  note_claimed(block);
  return true;
}

// Counting and checking ------------------------------------------------------------------------------------------------

void FrameBits::count_by_order(uint64_t (&nr)[kMaxOrder + 1]) const {
  for (uint64_t& n : nr) n = 0;
  for (uint64_t block = 0; block < nr_blocks(); ++block) {
    if (!summary_.some.test(block)) continue;  // most of a large zone is not online
    if (!block_is_whole(block)) {
      count_runs_in_block(free_ + block * kWordsPerBlock, nr);
      continue;
    }
    const uint64_t buddy = block ^ 1;
    const bool pair = buddy < nr_blocks() && block_is_whole(buddy);
    if (!pair) ++nr[kBlockOrder];
    else if (block % 2 == 0) ++nr[kMaxOrder];
  }
}

Fault FrameBits::check() const {
  for (uint64_t block = 0; block < nr_blocks(); ++block) {
    if (block_has_free(block) && !summary_.some.test(block)) return {"F1 a block with a free frame has its some bit", block};
    if (summary_.whole.test(block) && !block_is_whole(block)) return {"F2 a whole block is all free", block};
    for (unsigned i = 0; i < kWordsPerBlock; ++i) {
      const uint64_t word = block * kWordsPerBlock + i;
      const uint64_t free = free_[word].peek();
      if (free && word * 64 + highest_bit(free) >= nr_frames())
        return {"F3 only frames inside the zone are free", word_start(word).value + highest_bit(free), nr_frames()};
      if ((free & ~clean_[word].peek()) && !summary_.dirty.test(block))
        return {"F4 a block with a free dirty frame has its dirty bit", block};
    }
  }
  return {};
}

}  // namespace kmem
