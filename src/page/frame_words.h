#pragma once
// Which frames of a zone are free, and which of them are clean: two arrays of bits.

#include "base/atomic.h"
#include "base/bits.h"
#include "base/maybe.h"
#include "base/types.h"

namespace kmem {

/// Frames of one word that belong to the caller now: bit i is the frame `first` + i.
struct FrameSet {
  Pfn first;
  uint64_t mask = 0;
  uint64_t clean = 0;  // those of them that read as zero
  unsigned count() const { return count_bits(mask); }
};

/// Dirty: what the frames hold is unknown, and the host has memory for them.  Clean: they read as zero, it has none.
enum class Frames : uint8_t { Dirty, Clean };
inline constexpr Frames frames_are(bool clean) { return clean ? Frames::Clean : Frames::Dirty; }

/// Two bits for each frame: `free`, and `clean` (the frame reads as zero and the host holds no memory for it).  Clearing a
/// free bit claims the frame, setting it gives the frame back; the owner of a frame also owns its clean bit.  Frames are
/// claimed and given back up to 64 at a time, by one atomic operation on a word.
///
/// The 512 free bits of a 2 MiB block are one cache line.  Lock-free, any context.
class FrameWords {
 public:
  static constexpr unsigned kWordsPerBlock = kBlockFrames / 64;
  using Word = Atomic<uint64_t>;

  static uint64_t nr_blocks_of(uint64_t nr_frames) { return (nr_frames + kBlockFrames - 1) / kBlockFrames; }
  /// Words of zeroed metadata for so many frames.
  static uint64_t metadata_words(uint64_t nr_frames) { return 2 * nr_blocks_of(nr_frames) * kWordsPerBlock; }
  /// No frame is free yet.
  void init(Pfn first, uint64_t nr_frames, Word* metadata);

  Pfn first() const { return first_; }
  uint64_t nr_frames() const { return nr_frames_; }
  bool contains(Pfn p) const { return !(p < first_) && p - first_ < nr_frames_; }
  uint64_t nr_blocks() const { return nr_blocks_of(nr_frames_); }
  uint64_t nr_words() const { return nr_blocks() * kWordsPerBlock; }
  Pfn block_start(uint64_t block) const { return first_ + block * kBlockFrames; }
  Pfn word_start(uint64_t word) const { return first_ + word * 64; }

  // These are exact only on a quiet system, because other CPUs may change the bits at any time.
  bool is_free(Pfn p) const;
  bool is_clean(Pfn p) const;  // of a free frame
  bool block_is_whole(uint64_t block) const;
  bool block_has_free(uint64_t block) const;
  bool block_has_dirty(uint64_t block) const;
  uint64_t count_free() const;
  uint64_t count_clean() const;  // of the free frames
  unsigned count_clean_in(uint64_t block) const;
  uint64_t count_whole_blocks() const;

 protected:
  /// Claims up to n frames of a word, the lowest first; no frames if none is free.
  FrameSet claim_in_word(uint64_t word, unsigned n);
  /// Claims 2^order aligned frames of a word; order up to 6.
  Maybe<Pfn> claim_run_in_word(uint64_t word, unsigned order);
  /// Claims exactly these frames of a word; false, and nothing is claimed, if one of them is not free.
  bool claim_mask(uint64_t word, uint64_t mask);
  /// Claims the frames of a word that are free and not clean.
  FrameSet claim_dirty_in_word(uint64_t word);
  /// Clears the clean bits of frames that the caller owns; returns those that were clean.
  uint64_t take_clean(uint64_t word, uint64_t mask);
  /// The same for a run; returns the number of clean frames.
  uint64_t take_clean_run(Pfn first, uint64_t n);

  Word* free_ = nullptr;
  Word* clean_ = nullptr;

 private:
  Pfn first_;
  uint64_t nr_frames_ = 0;
};

/// Calls what(word, mask of its frames) for each word of the run until it returns false; returns the number of frames before
/// that word.
template <typename Do>
uint64_t for_each_word(uint64_t first, uint64_t n, Do what) {
  uint64_t done = 0;
  while (done < n) {
    const uint64_t i = first + done, to_end = 64 - i % 64, count = n - done < to_end ? n - done : to_end;
    if (!what(i / 64, low_mask(static_cast<unsigned>(count)) << (i % 64))) break;
    done += count;
  }
  return done;
}

}  // namespace kmem
