#include "page/frame_bits.h"

namespace kmem {

size_t FrameBits::metadata_bytes(uint64_t nr_frames) {
  const uint64_t blocks = (nr_frames + kBlockFrames - 1) / kBlockFrames;
  const uint64_t words = 2 * blocks * kWordsPerBlock + 4 * ((blocks + 63) / 64);
  // One block's words are one cache line; the summaries follow.
  return round_up(words * sizeof(Word), kCacheLine);
}

void FrameBits::init(Pfn first, uint64_t nr_frames, void* metadata) {
  first_ = first;
  nr_frames_ = nr_frames;
  free_ = static_cast<Word*>(metadata);
  clean_ = free_ + nr_words();
  some_ = clean_ + nr_words();
  whole_ = some_ + nr_summary_words();
  dirty_ = whole_ + nr_summary_words();
  begun_ = dirty_ + nr_summary_words();
}

void FrameBits::set(Word* bits, uint64_t i) {
  const uint64_t bit = uint64_t{1} << (i % 64);
  if (!(bits[i / 64].load() & bit)) bits[i / 64].fetch_or(bit);
}

void FrameBits::clear(Word* bits, uint64_t i) {
  const uint64_t bit = uint64_t{1} << (i % 64);
  if (bits[i / 64].load() & bit) bits[i / 64].fetch_and(~bit);
}

bool FrameBits::block_is_whole(uint64_t block) const {
  for (unsigned i = 0; i < kWordsPerBlock; ++i)
    if (~free_[block * kWordsPerBlock + i].load()) return false;
  return true;
}

bool FrameBits::block_has_some(uint64_t block) const {
  for (unsigned i = 0; i < kWordsPerBlock; ++i)
    if (free_[block * kWordsPerBlock + i].load()) return true;
  return false;
}

// The search -----------------------------------------------------------------------------------------------------------

int64_t FrameBits::find_partial(uint64_t from) const {
  for (uint64_t w = from / 64; w < nr_summary_words(); ++w) {
    uint64_t partial = some_[w].load() & ~whole_[w].load();
    if (w == from / 64) partial &= ~low_mask(from % 64);
    if (partial) return static_cast<int64_t>(w * 64 + lowest_bit(partial));
  }
  return -1;
}

int64_t FrameBits::find_whole(uint64_t from) const {
  for (uint64_t w = from / 64; w < nr_summary_words(); ++w) {
    uint64_t whole = whole_[w].load();
    if (w == from / 64) whole &= ~low_mask(from % 64);
    if (whole) return static_cast<int64_t>(w * 64 + lowest_bit(whole));
  }
  return -1;
}

// Single frames --------------------------------------------------------------------------------------------------------

uint64_t FrameBits::take_clean(uint64_t word, uint64_t mask) {
  const uint64_t clean = clean_[word].peek() & mask;
  if (clean) clean_[word].fetch_and(~clean);
  return clean;
}

uint64_t FrameBits::take_clean_run(Pfn first, uint64_t n) {
  uint64_t clean = 0;
  for (uint64_t done = 0; done < n;) {
    const uint64_t i = first - first_ + done;
    const uint64_t count = n - done < 64 - i % 64 ? n - done : 64 - i % 64;
    clean += count_bits(take_clean(i / 64, low_mask(static_cast<unsigned>(count)) << (i % 64)));
    done += count;
  }
  return clean;
}

FrameSet FrameBits::claim_in_block(uint64_t block, unsigned n) {
  for (unsigned i = 0; i < kWordsPerBlock; ++i) {
    const uint64_t word = block * kWordsPerBlock + i;
    uint64_t seen = free_[word].load();
    while (seen) {
      const uint64_t take = count_bits(seen) <= n ? seen : lowest_bits(seen, n);
      if (!free_[word].compare_exchange(seen, seen & ~take)) continue;
      note_claimed(block);
      return {word_start(word), take, take_clean(word, take)};
    }
  }
  return {};
}

FrameSet FrameBits::claim_some(unsigned n, unsigned skip) {
  for (;;) {
    int64_t block = find_partial(0);
    // CPUs that refill at the same time take neighbouring blocks, if there are such, and not the same cache line.
    for (; skip && block >= 0; --skip) {
      const int64_t next = find_partial(static_cast<uint64_t>(block) + 1);
      if (next < 0) break;
      block = next;
    }
    skip = 0;
    if (block < 0) block = find_whole(0);
    if (block < 0) return {};
    if (const FrameSet set = claim_in_block(static_cast<uint64_t>(block), n); set.mask) return set;
    clear(some_, static_cast<uint64_t>(block));
    if (block_has_some(static_cast<uint64_t>(block))) set(some_, static_cast<uint64_t>(block));
    settle_whole(static_cast<uint64_t>(block));
  }
}

// Whoever writes the bit looks at the block again afterwards: so the last one to write it has written what is true.
void FrameBits::settle_whole(uint64_t block) {
  for (bool whole = block_is_whole(block), seen = !whole; whole != seen;) {
    whole ? set(whole_, block) : clear(whole_, block);
    seen = whole;
    whole = block_is_whole(block);
  }
}

// A block that was whole is partly used now, and what is left of it serves runs.
void FrameBits::note_claimed(uint64_t block) {
  if (!test(whole_, block)) return;
  settle_whole(block);
  for (unsigned order = 0; order < kBlockOrder; ++order) note_run(order, block);
}

void FrameBits::note_run(unsigned order, uint64_t block) {
  if (run_from_[order].peek() > block) run_from_[order].poke(block);
}

// Runs -----------------------------------------------------------------------------------------------------------------

Maybe<Pfn> FrameBits::claim_run_in_word(uint64_t word, unsigned order) {
  uint64_t seen = free_[word].load();
  while (const uint64_t starts = aligned_runs(seen, order)) {
    const unsigned at = lowest_bit(starts);
    const uint64_t take = low_mask(1u << order) << at;
    if (free_[word].compare_exchange(seen, seen & ~take)) return word_start(word) + at;
  }
  return {};
}

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

Maybe<Pfn> FrameBits::claim_run_in_partials(Order order, uint64_t from) {
  for (int64_t b = find_partial(from); b >= 0; b = find_partial(static_cast<uint64_t>(b) + 1)) {
    if (const auto at = claim_run_in_block(static_cast<uint64_t>(b), order)) {
      run_from_[order.value].poke(static_cast<uint64_t>(b));
      note_claimed(static_cast<uint64_t>(b));
      return at;
    }
  }
  run_from_[order.value].poke(nr_blocks());
  return {};
}

Maybe<Pfn> FrameBits::claim_run_in_wholes(Order order) {
  for (int64_t b = find_whole(0); b >= 0; b = find_whole(static_cast<uint64_t>(b) + 1)) {
    const auto at = claim_run_in_block(static_cast<uint64_t>(b), order);
    if (!at) continue;
    note_claimed(static_cast<uint64_t>(b));
    return at;
  }
  return {};
}

Maybe<Pfn> FrameBits::claim_blocks(Order order) {
  const uint64_t n = order.pages() / kBlockFrames;
  for (int64_t b = find_whole(0); b >= 0; b = find_whole(static_cast<uint64_t>(b) + 1)) {
    const auto block = static_cast<uint64_t>(b);
    if (block % n || (block + n) * kBlockFrames > nr_blocks() * kBlockFrames) continue;
    if (!claim_words(block * kWordsPerBlock, n * kWordsPerBlock)) continue;
    for (uint64_t i = 0; i < n; ++i) note_claimed(block + i);
    return block_start(block);
  }
  return {};
}

Maybe<Pfn> FrameBits::claim_run(Order order, uint64_t& clean) {
  Maybe<Pfn> at;
  if (order.value >= kBlockOrder) {
    at = claim_blocks(order);
  } else {
    at = claim_run_in_partials(order, run_from_[order.value].peek());
    if (!at) at = claim_run_in_wholes(order);
    // The hint may have been raised here just after another CPU lowered it: before giving up, look everywhere.
    if (!at) at = claim_run_in_partials(order, 0);
  }
  if (!at) return {};
  clean = take_clean_run(*at, order.pages());
  return at;
}

// The lowest frame at or above `from` at which n free ones in a row begin; nr_frames_ if there is none.  One pass over
// the words, which carries how many free frames the last ones ended with.
uint64_t FrameBits::find_span(uint64_t from, uint64_t n) const {
  uint64_t run = 0;
  for (uint64_t w = from / 64; w < nr_words(); ++w) {
    if (w % kWordsPerBlock == 0 && !test(some_, w / kWordsPerBlock)) {
      run = 0;
      w += kWordsPerBlock - 1;
      continue;
    }
    uint64_t word = free_[w].peek();
    if (w == from / 64) word &= ~low_mask(from % 64);
    const uint64_t low = ~word ? lowest_bit(~word) : 64;
    if (run + low >= n) return w * 64 - run;
    if (low == 64) {
      run += 64;
      continue;
    }
    if (n < 64) {
      uint64_t starts = word;
      for (unsigned have = 1; have < n;) {  // runs of `have` become runs of `have + step`
        const auto step = static_cast<unsigned>(n - have < have ? n - have : have);
        starts &= starts >> step;
        have += step;
      }
      if (starts) return w * 64 + lowest_bit(starts);
    }
    run = static_cast<uint64_t>(__builtin_clzll(~word));
  }
  return nr_frames_;
}

Maybe<Pfn> FrameBits::claim_span(uint64_t n, uint64_t& clean) {
  Atomic<uint64_t>& hint = span_from_[highest_bit(n)];
  const uint64_t hinted = hint.peek() * kBlockFrames;
  for (uint64_t from = hinted < nr_frames_ ? hinted : 0, start = from;;) {
    const uint64_t at = find_span(from, n);
    if (at + n <= nr_frames_ && at < nr_frames_) {
      if (claim_at(first_ + at, n, clean)) {
        hint.poke(at / kBlockFrames);
        return first_ + at;
      }
      from = at + 1;  // somebody was faster
      continue;
    }
    if (!start) return {};
    from = start = 0;
  }
}

// Frames whose clean bits nobody has looked at go back as they were.
void FrameBits::undo_claim(Pfn first, uint64_t n) {
  for (uint64_t done = 0; done < n;) {
    const uint64_t i = first - first_ + done;
    const uint64_t count = n - done < 64 - i % 64 ? n - done : 64 - i % 64;
    give_back_bits(i / 64, low_mask(static_cast<unsigned>(count)) << (i % 64));
    done += count;
  }
}

bool FrameBits::claim_at(Pfn first, uint64_t n, uint64_t& clean) {
  if (!contains(first) || !contains(first + (n - 1))) return false;
  for (uint64_t done = 0; done < n;) {
    const uint64_t i = first - first_ + done;
    const uint64_t count = n - done < 64 - i % 64 ? n - done : 64 - i % 64;
    const uint64_t mask = low_mask(static_cast<unsigned>(count)) << (i % 64);
    uint64_t seen = free_[i / 64].load();
    do {
      if ((seen & mask) == mask) continue;
      undo_claim(first, done);
      return false;
    } while (!free_[i / 64].compare_exchange(seen, seen & ~mask));
    note_claimed(i / kBlockFrames);
    done += count;
  }
  clean = take_clean_run(first, n);
  return true;
}

// Giving back ----------------------------------------------------------------------------------------------------------

void FrameBits::note_given(uint64_t word, uint64_t now) {
  const uint64_t block = word / kWordsPerBlock;
  set(some_, block);
  if (!~now && block_is_whole(block)) settle_whole(block);
  for (Atomic<uint64_t>& from : span_from_)
    if (from.peek() > block) from.poke(block);
  for (unsigned order = 0; order < kBlockOrder; ++order) {
    if (order <= 6 ? !aligned_runs(now, order) : ~now != 0) break;
    note_run(order, block);
  }
}

void FrameBits::give_back_bits(uint64_t word, uint64_t mask) {
  const bool dirty = mask & ~clean_[word].load();
  note_given(word, free_[word].fetch_or(mask) | mask);
  if (dirty) set(dirty_, word / kWordsPerBlock);
}

uint64_t FrameBits::give_back(FrameSet frames) {
  const uint64_t word = (frames.first - first_) / 64;
  if (frames.clean) clean_[word].fetch_or(frames.clean);
  const uint64_t before = free_[word].fetch_or(frames.mask);
  note_given(word, before | frames.mask);
  // After the frames are free: forget_dirty() clears the bit before it looks at them.
  if (frames.mask & ~frames.clean) set(dirty_, word / kWordsPerBlock);
  return before & frames.mask;
}

// Whole words of one block, between two words that may be parts: the hints are put right once for all of them.
void FrameBits::give_back_words(uint64_t word, uint64_t n, bool clean) {
  for (uint64_t i = 0; i < n; ++i) {
    if (clean) clean_[word + i].store(~uint64_t{0});
    free_[word + i].store(~uint64_t{0});
  }
  note_given(word + n - 1, ~uint64_t{0});
  if (!clean) set(dirty_, word / kWordsPerBlock);
}

void FrameBits::give_back_run(Pfn first, uint64_t n, bool clean) {
  for (uint64_t done = 0; done < n;) {
    const uint64_t i = first - first_ + done, left = n - done;
    const uint64_t to_block_end = kBlockFrames - i % kBlockFrames;
    if (i % 64 == 0 && left >= 64) {
      const uint64_t words = (left < to_block_end ? left : to_block_end) / 64;
      give_back_words(i / 64, words, clean);
      done += words * 64;
      continue;
    }
    const uint64_t count = left < 64 - i % 64 ? left : 64 - i % 64;
    const uint64_t mask = low_mask(static_cast<unsigned>(count)) << (i % 64);
    give_back({word_start(i / 64), mask, clean ? mask : 0});
    done += count;
  }
}

// Frames to give to the host -------------------------------------------------------------------------------------------

int64_t FrameBits::find_dirty(int64_t from, bool whole_only) const {
  if (from < 0) return -1;
  for (int64_t w = from / 64; w >= 0; --w) {
    uint64_t dirty = dirty_[w].load();
    if (whole_only) dirty &= whole_[w].load();
    if (w == from / 64) dirty &= low_mask(static_cast<unsigned>(from % 64) + 1);
    if (dirty) return w * 64 + highest_bit(dirty);
  }
  return -1;
}

void FrameBits::forget_dirty(uint64_t block) {
  clear(dirty_, block);
  for (unsigned i = 0; i < kWordsPerBlock; ++i) {
    const uint64_t word = block * kWordsPerBlock + i;
    if (free_[word].load() & ~clean_[word].load()) return set(dirty_, block);
  }
}

bool FrameBits::begin_block(uint64_t block) {
  const uint64_t bit = uint64_t{1} << (block % 64);
  if (test(begun_, block) || (begun_[block / 64].fetch_or(bit) & bit)) return false;
  unsigned fresh = 0;
  for (unsigned i = 0; i < kWordsPerBlock; ++i) {
    const uint64_t word = block * kWordsPerBlock + i;
    fresh += count_bits(free_[word].load() & clean_[word].load());
  }
  return fresh >= kBlockFrames / 4 * 3;
}

uint64_t FrameBits::make_dirty(uint64_t block) {
  uint64_t n = 0;
  for (unsigned i = 0; i < kWordsPerBlock; ++i) {
    const uint64_t word = block * kWordsPerBlock + i;
    // Owned while we look: a clean bit belongs to whoever owns the frame.
    uint64_t free = free_[word].load();
    while (free && !free_[word].compare_exchange(free, 0)) {
    }
    if (!free) continue;
    n += count_bits(take_clean(word, free));
    give_back_bits(word, free);
  }
  set(dirty_, block);
  return n;
}

FrameSet FrameBits::claim_dirty(uint64_t block, unsigned& word) {
  for (; word < kWordsPerBlock; ++word) {
    const uint64_t w = block * kWordsPerBlock + word;
    uint64_t seen = free_[w].load();
    while (const uint64_t take = seen & ~clean_[w].load()) {
      if (!free_[w].compare_exchange(seen, seen & ~take)) continue;
      // A frame may have been taken and given back clean since we looked at the clean bits.
      return {word_start(w), take, take_clean(w, take)};
    }
  }
  return {};
}

bool FrameBits::claim_whole(uint64_t block, uint64_t& clean) {
  if (!claim_words(block * kWordsPerBlock, kWordsPerBlock)) return false;
  clean = take_clean_run(block_start(block), kBlockFrames);
  note_claimed(block);
  return true;
}

// Counting and checking ------------------------------------------------------------------------------------------------

uint64_t FrameBits::count_free() const {
  uint64_t n = 0;
  for (uint64_t w = 0; w < nr_words(); ++w) n += count_bits(free_[w].peek());
  return n;
}

uint64_t FrameBits::count_clean() const {
  uint64_t n = 0;
  for (uint64_t w = 0; w < nr_words(); ++w) n += count_bits(free_[w].peek() & clean_[w].peek());
  return n;
}

uint64_t FrameBits::count_whole_blocks() const {
  uint64_t n = 0;
  for (uint64_t b = 0; b < nr_blocks(); ++b) n += block_is_whole(b);
  return n;
}

bool FrameBits::is_free(Pfn p) const { return contains(p) && test(free_, p - first_); }

void FrameBits::count_by_order(uint64_t (&nr)[kMaxOrder + 1]) const {
  for (uint64_t& n : nr) n = 0;
  for (uint64_t block = 0; block < nr_blocks(); ++block) {
    if (!test(some_, block)) continue;  // most of a large zone is not online
    if (block_is_whole(block)) {
      const bool pair = block % 2 == 0 ? block + 1 < nr_blocks() && block_is_whole(block + 1) : block_is_whole(block - 1);
      if (!pair) ++nr[kBlockOrder];
      else if (block % 2 == 0) ++nr[kMaxOrder];
      continue;
    }
    // The words' runs, largest first; whole words pair up further as bits of one small word.
    uint64_t whole_words = 0;
    for (unsigned i = 0; i < kWordsPerBlock; ++i) {
      uint64_t word = free_[block * kWordsPerBlock + i].peek();
      if (!~word) whole_words |= uint64_t{1} << i;
      else
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
}

Fault FrameBits::check() const {
  for (uint64_t block = 0; block < nr_blocks(); ++block) {
    if (block_has_some(block) && !test(some_, block)) return {"F1 a block with a free frame has its some bit", block};
    if (test(whole_, block) && !block_is_whole(block)) return {"F2 a whole block is all free", block};
    for (unsigned i = 0; i < kWordsPerBlock; ++i) {
      const uint64_t word = block * kWordsPerBlock + i;
      const uint64_t free = free_[word].peek();
      if (free && word * 64 + highest_bit(free) >= nr_frames_)
        return {"F3 only frames inside the zone are free", word_start(word).value + highest_bit(free), nr_frames_};
      if ((free & ~clean_[word].peek()) && !test(dirty_, block))
        return {"F4 a block with a free dirty frame has its dirty bit", block};
    }
  }
  return {};
}

}  // namespace kmem
