#pragma once
// Sealed objects: the state of each object in the hardened levels 1 and 2, and the canary behind it.

#include "base/atomic.h"
#include "base/attributes.h"
#include "base/memory.h"
#include "base/sparse.h"
#include "base/types.h"

/// The secret key of all seals; not zero once kmem is up.
extern "C" KMEM_HIDDEN uint64_t kmem_seal_key;

namespace kmem {

/// Canaries and marks: the words behind an object and in a free one.
struct SealedWords {
  static constexpr size_t kWord = sizeof(uint64_t), kTwo = 2 * kWord;

  static uint64_t load(const char* at) {
    uint64_t word;
    __builtin_memcpy(&word, at, kWord);
    return word;
  }
  static void store(char* at, uint64_t word) { __builtin_memcpy(at, &word, kWord); }
  static void store_two(char* at, TwoWords two) { __builtin_memcpy(at, &two, kTwo); }

  /// No byte of it is zero, so that a string's terminating NUL beyond the end is detected.
  static constexpr uint64_t without_zeroes(uint64_t word) { return word | 0x0101010101010101u; }
  static constexpr uint64_t mixed(uint64_t key, uint64_t number) { return without_zeroes(key ^ number * 0x9e3779b97f4a7c15u); }
  static uint64_t canary_at(const char* object) { return mixed(kmem_seal_key, reinterpret_cast<uint64_t>(object)); }
  static TwoWords both(uint64_t word) { return TwoWords{word, word}; }
  /// The word as it is read so many bytes behind a multiple of eight.
  static uint64_t turned(uint64_t word, size_t bytes) { return word >> (8 * bytes & 63) | word << (-8 * bytes & 63); }

  /// Are the last `slack` bytes, at most 16, those of the canary?
  KMEM_INLINE static bool ends_whole(const char* end, size_t slack, TwoWords words) {
    alignas(kTwo) static constexpr uint64_t kWindow[4] = {0, 0, ~uint64_t{0}, ~uint64_t{0}};
    return is_zero((load_two(end - kTwo) ^ words) & load_two(reinterpret_cast<const char*>(kWindow) + slack));
  }
  KMEM_INLINE static bool is_marked(const char* at, uint64_t word) { return load(at) == word && load(at + kWord) == word; }
  // For whole words, and too few to be worth a call.
  KMEM_INLINE static bool are_zero(const char* at, size_t bytes) {
    TwoWords wrong{};
    for (; bytes >= 8 * kWord; at += 8 * kWord, bytes -= 8 * kWord) wrong |= or_of_eight(at);
    for (; bytes >= kTwo; at += kTwo, bytes -= kTwo) wrong |= load_two(at);
    return is_zero(wrong) && !(bytes && load(at));
  }
  KMEM_INLINE static void make_zero(char* at, size_t bytes) {
    constexpr TwoWords kZero{};
    for (; bytes >= kTwo; at += kTwo, bytes -= kTwo) {
      store_two(at, kZero);
      asm("" : "+r"(at));  // not a call of memset()
    }
    if (bytes) store(at, 0);
  }
};

/// The state of an object: whether it is out, and then how many bytes follow the requested ones, plus 1.
struct SealedState {
  static constexpr uint8_t kUntouched = 0, kFar = 241, kFree = 255;
  static constexpr size_t kMostNear = kFar - 2;  // the largest slack that fits into the state

  static bool is_out(uint8_t state) { return static_cast<uint8_t>(state - 1) < kFar; }
  static uint8_t load_state(const uint8_t* at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }
  static void store_state(uint8_t* at, uint8_t state) { __atomic_store_n(at, state, __ATOMIC_RELAXED); }
};

/// The seals of one cache's objects. A byte for each object, far from all objects, tells whether the object is out and how many
/// bytes follow the requested ones; those bytes hold a canary. A free object holds the canary in its first two words and its
/// last two, or with `zeroes` only zeroes.
///
///   state          the object                          what is checked when it changes
///   ─────────────  ──────────────────────────────────  ─────────────────────────────────────────────────────────────────
///   kUntouched     was never allocated                 that it is zero, as new frames are; without `zeroes` only its two ends,
///                                                      and by look()
///   1 to kFar      is out                              the canary, by a free or a resize
///   kFree          was freed                           its first mark or its zeroes, by an allocation; both marks by look()
///
/// The canary is a word that repeats: its byte i stands at every address that is i modulo 8. It covers what was not asked for
/// of the last two words, with `zeroes` of the last one, and the eight bytes behind the requested ones. The marks use the same
/// word, so the last mark of a freed object is the canary of the next one, and neither an allocation nor a free touches more of
/// an object than its two ends. With `zeroes` the word depends on the object's address, otherwise on the cache.
///
/// Not thread-safe for one object: it has one owner.  Two concurrent frees of one object may both find it out; the slab's bits
/// detect that later.
class alignas(64) Seal : SealedWords, SealedState {
 public:
  enum class Finding : uint8_t { Whole, NotOut, Damaged };

  /// `states`: the byte of the object at an address is states[address >> shift].  `fills`: the contents of a free object may be
  /// overwritten.  `number`: makes the cache's word different from other caches'.
  struct Setup {
    const char* cache = "";
    uint8_t* states = nullptr;
    uint32_t room = 0;  // bytes from one object to the next
    uint32_t number = 0;
    bool fills = false;
    bool zeroes = false;
  };
  void init(const Setup& setup);
  bool on() const { return room_ != 0; }
  /// A seal that is off, and whose objects all are kUntouched, so that the fast paths need no look at on().
  static Seal none();

  /// A state for each 64 bytes, or for each 16 bytes if objects are smaller, so that each object has its own.
  static constexpr uint8_t shift_for(uint32_t room) { return room >= 64 ? 6 : 4; }
  static constexpr uint32_t kSmallest = 16;

  /// The object is allocated for `asked` bytes, at most the room.
  void open(char* object, size_t asked) const;
  /// The object is freed. NotOut: it was not out, and nothing has changed. Damaged: reported, and it is free.
  Finding close(char* object) const;
  /// As open(), for an undamaged object with marks of which at most two words are not asked for. False: nothing was changed.
  ///
  /// The state is only written: other CPUs change the states of objects nearby, in the same cache line, so reading it would
  /// wait. A mark has no zero byte, so a zero ends it, and a second allocation of the object is not for this path.
  KMEM_INLINE bool open_marked(char* object, size_t asked) const {
    const size_t slack = room_ - asked;
    if (KMEM_UNLIKELY(slack >= nr_slacks_ || !is_marked(object, words_[0]))) return false;
    object[0] = 0;
    store_state(state_at(object), static_cast<uint8_t>(slack + 1));  // the last mark is the canary
    return true;
  }
  KMEM_INLINE bool close_marked(char* object) const {
    uint8_t* const at = state_at(object);
    const size_t slack = load_state(at) - size_t{1};
    if (KMEM_UNLIKELY(slack >= nr_slacks_)) return false;
    char* const end = object + room_;
    const TwoWords words = words_;
    if (KMEM_UNLIKELY(!ends_whole(end, slack, words))) return false;
    store_two(object, words);
    store_two(end - kTwo, words);
    store_state(at, kFree);
    return true;
  }
  /// The same for an object that was never out before.
  KMEM_INLINE bool open_new(char* object, size_t asked) const {
    if (KMEM_UNLIKELY(filling_ != Filling::Marks)) return false;
    uint8_t* const at = state_at(object);
    const size_t slack = room_ - asked;
    if (load_state(at) != kUntouched || slack > kTwo) return false;
    store_two(object + room_ - kTwo, words_);
    store_state(at, static_cast<uint8_t>(slack + 1));
    return true;
  }
  /// The same with more bytes that are not asked for.
  KMEM_INLINE bool open_ample(char* object, size_t asked) const {
    if (KMEM_UNLIKELY(filling_ != Filling::Marks)) return false;
    const size_t slack = room_ - asked;
    if (KMEM_UNLIKELY(!is_marked(object, words_[0]) || slack - kTwo > kMostNear - kTwo)) return false;
    object[0] = 0;
    store(object + asked, turned(words_[0], asked));
    store_state(state_at(object), static_cast<uint8_t>(slack + 1));
    return true;
  }
  KMEM_INLINE bool close_ample(char* object) const {
    if (KMEM_UNLIKELY(filling_ != Filling::Marks)) return false;
    uint8_t* const at = state_at(object);
    const size_t slack = load_state(at) - size_t{1}, asked = room_ - slack;
    if (KMEM_UNLIKELY(slack - kTwo > kMostNear - kTwo)) return false;
    char* const end = object + room_;
    const TwoWords words = words_;
    const uint64_t behind = load(object + asked) ^ turned(words[0], asked);
    if (KMEM_UNLIKELY(behind || !is_zero(load_two(end - kTwo) ^ words))) return false;
    store_two(object, words);
    store_state(at, kFree);
    return true;
  }
  /// The same for objects that are zero while free, and not large.
  KMEM_INLINE bool open_zeroed(char* object, size_t asked) const {
    if (KMEM_UNLIKELY(filling_ != Filling::Zeroes)) return false;
    uint8_t* const at = state_at(object);
    const size_t room = room_, slack = room - asked;
    if (KMEM_UNLIKELY(is_out(load_state(at)) || room > kFewBytes || slack < kWord || slack > kMostNear)) return false;
    if (KMEM_UNLIKELY(!are_zero(object, room))) return false;
    const uint64_t word = canary_at(object);
    store(object + asked, turned(word, asked));
    store(object + room - kWord, word);
    store_state(at, static_cast<uint8_t>(slack + 1));
    return true;
  }
  KMEM_INLINE bool close_zeroed(char* object) const {
    if (KMEM_UNLIKELY(filling_ != Filling::Zeroes)) return false;
    uint8_t* const at = state_at(object);
    const size_t room = room_, slack = load_state(at) - size_t{1}, asked = room - slack;
    if (KMEM_UNLIKELY(slack - kWord > kMostNear - kWord || room > kFewBytes)) return false;
    const uint64_t word = canary_at(object);
    if (KMEM_UNLIKELY((load(object + asked) ^ turned(word, asked)) | (load(object + room - kWord) ^ word))) return false;
    make_zero(object, room);
    store_state(at, kFree);
    return true;
  }
  /// Changes the requested size of an object that is out. First reports writes behind the old size.
  void resize(char* object, size_t asked) const;
  /// Checks an object that is out or free, and reports damage. False: it was damaged.
  bool look(char* object) const;

  bool is_out(const char* object) const { return is_out(state_of(object)); }
  /// The usable bytes of an object; 0 if it is not out.
  size_t asked(const char* object) const {
    const uint8_t state = state_of(object);
    return is_out(state) ? asked_of(object, state) : 0;
  }
  uint32_t room() const { return room_; }
  /// Are its free objects zero?
  bool zeroes() const { return filling_ == Filling::Zeroes; }

  /// Sets the states of a new slab's objects to kUntouched.
  void forget(const char* from, size_t bytes) const {
    memset(&states_[reinterpret_cast<uint64_t>(from) >> shift_], kUntouched, bytes >> shift_);
  }
  uint8_t* state_at(const char* address) const { return &states_[reinterpret_cast<uint64_t>(address) >> shift_]; }

 private:
  friend class SealTestPeer;
  static constexpr size_t kFewBytes = 1024;

  /// The contents of a free object.
  enum class Filling : uint8_t { Anything, Marks, Zeroes };

  using SealedState::is_out;
  uint8_t state_of(const char* object) const { return load_state(state_at(object)); }

  uint64_t canary(const char* object) const { return filling_ == Filling::Zeroes ? canary_at(object) : words_[0]; }
  /// How many bytes at the end of an object are watched.
  size_t nr_last() const { return filling_ == Filling::Zeroes ? kWord : kTwo; }
  /// The size of an object far larger than what was asked for lies in front of the last two words.
  char* far_size(const char* object) const { return const_cast<char*>(object) + room_ - kTwo - kWord; }
  size_t asked_of(const char* object, uint8_t state) const {
    if (KMEM_LIKELY(state != kFar)) return room_ - (state - 1u);
    const uint64_t size = load(far_size(object)) ^ canary(object);
    return size < room_ - kMostNear ? size : 0;  // else it was overwritten, though the canary behind it is intact
  }
  bool is_whole(const char* object, uint8_t state) const;
  bool is_free_and_whole(const char* object, uint8_t state) const;
  void fill(char* object) const;
  void set(char* object, size_t asked) const;

  KMEM_COLD void report_open(char* object, uint8_t state) const;
  KMEM_COLD void report_canary(const char* object, uint8_t state, const char* when) const;
  KMEM_COLD void report_free(const char* object, const char* when) const;

  uint8_t* states_ = nullptr;
  uint32_t room_ = 0;
  uint8_t shift_ = 0;
  Filling filling_ = Filling::Anything;
  uint16_t nr_slacks_ = 0;  // open_marked() and close_marked() handle slacks below this: none without marks
  TwoWords words_{};
  const char* cache_ = "";
};

/// The tables of states: a byte for each 64 bytes of all frames, and for smaller objects a byte for each 16 bytes. They are
/// brought online with the frames.
class SealStates {
 public:
  /// The tables as in Machine, for addresses from `frames` on; null: there are none.
  void init(void* by_64, void* by_16, const char* frames) {
    coarse_ = static_cast<uint8_t*>(by_64);
    fine_ = static_cast<uint8_t*>(by_16);
    frames_ = reinterpret_cast<uint64_t>(frames);
  }
  bool on() const { return coarse_ != nullptr; }
  /// The table for objects of that room, as the address that the state of address 0 would have.
  uint8_t* of_room(uint32_t room) const {
    const uint8_t shift = Seal::shift_for(room);
    return (shift == 6 ? coarse_ : fine_) - (frames_ >> shift);
  }

 private:
  uint8_t *coarse_ = nullptr, *fine_ = nullptr;
  uint64_t frames_ = 0;
};

}  // namespace kmem
