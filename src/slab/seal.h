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
  static constexpr size_t kWord = sizeof(uint64_t);

  static uint64_t load(const char* at) {
    uint64_t word;
    __builtin_memcpy(&word, at, kWord);
    return word;
  }
  static void store(char* at, uint64_t word) { __builtin_memcpy(at, &word, kWord); }

  /// No byte of it is zero, so that a string's terminating NUL beyond the end is detected.
  static uint64_t canary(const char* object) {
    return (kmem_seal_key ^ reinterpret_cast<uint64_t>(object) * 0x9e3779b97f4a7c15u) | 0x0101010101010101u;
  }
  /// The word as it is read so many bytes behind a multiple of eight.
  static uint64_t turned(uint64_t word, size_t bytes) { return word >> (8 * bytes & 63) | word << (-8 * bytes & 63); }

  KMEM_INLINE static bool is_whole(const char* object, size_t room, size_t slack, uint64_t word) {
    if (!slack) return true;
    const uint64_t last = load(object + room - kWord) ^ word;
    if (slack < kWord) return !(last >> (64 - 8 * slack));
    return !(last | (load(object + room - slack) ^ turned(word, room - slack)));
  }
  KMEM_INLINE static bool is_marked(const char* object, size_t room, uint64_t word) {
    return !((load(object) ^ word) | (load(object + kWord) ^ word) | (load(object + room - kWord) ^ word));
  }
  KMEM_INLINE static void put_marks(char* object, size_t room, uint64_t word) {
    store(object, word);
    store(object + kWord, word);
    store(object + room - kWord, word);
  }
  // For whole words, and too few to be worth a call.
  KMEM_INLINE static bool are_zero(const char* at, size_t bytes) {
    TwoWords wrong{};
    for (; bytes >= 8 * kWord; at += 8 * kWord, bytes -= 8 * kWord) wrong |= or_of_eight(at);
    for (; bytes >= 2 * kWord; at += 2 * kWord, bytes -= 2 * kWord) wrong |= load_two(at);
    return is_zero(wrong) && !(bytes && load(at));
  }
  KMEM_INLINE static void make_zero(char* at, size_t bytes) {
    constexpr TwoWords kZero{};
    for (; bytes >= 2 * kWord; at += 2 * kWord, bytes -= 2 * kWord) {
      __builtin_memcpy(at, &kZero, sizeof kZero);
      asm("" : "+r"(at));  // not a call of memset()
    }
    if (bytes) store(at, 0);
  }
};

/// The seals of one cache's objects. A byte for each object, far from all objects, tells whether the object is out and how many
/// bytes follow the requested ones; those bytes hold a canary, a word that depends on the key and the address. A free object
/// holds that word in its first two words and its last one, or with `zeroes` only zeroes.
///
///   state          the object                          what is checked when it changes
///   ─────────────  ──────────────────────────────────  ─────────────────────────────────
///   kUntouched     was never allocated                 that it is zero, with `zeroes`: new frames are zero then
///   1 to kFar      is out                              the canary, by a free or a resize
///   kFree          was freed                           its marks or zeroes, by an allocation
///
/// Byte i of the canary stands at every address that is i modulo 8, so that the word behind the requested bytes and the last
/// word of the object may overlap.
///
/// Not thread-safe for one object: it has one owner.  Two concurrent frees of one object may both find it out; the slab's bits
/// detect that later.
class alignas(32) Seal : SealedWords {
 public:
  enum class Finding : uint8_t { Whole, NotOut, Damaged };

  /// `states`: the byte of the object at an address is states[address >> shift].  `fills`: the contents of a free object may be
  /// overwritten.
  struct Setup {
    const char* cache = "";
    uint8_t* states = nullptr;
    uint32_t room = 0;  // bytes from one object to the next
    bool fills = false;
    bool zeroes = false;
  };
  void init(const Setup& setup);
  bool on() const { return states_ != nullptr; }

  /// A state for each 64 bytes, or for each 16 bytes if objects are smaller, so that each object has its own.
  static constexpr uint8_t shift_for(uint32_t room) { return room >= 64 ? 6 : 4; }
  static constexpr uint32_t kSmallest = 16;

  /// The object is allocated for `asked` bytes, at most the room.
  void open(char* object, size_t asked) const;
  /// The object is freed. NotOut: it was not out, and nothing has changed. Damaged: reported, and it is free.
  Finding close(char* object) const;
  /// As open(), for an undamaged object with marks. False: nothing was changed.
  KMEM_INLINE bool open_marked(char* object, size_t asked) const {
    if (KMEM_UNLIKELY(filling_ != Filling::Marks)) return false;
    uint8_t* const at = state_at(object);
    const size_t room = room_, slack = room - asked;
    const uint64_t word = canary(object);
    if (KMEM_UNLIKELY(load_state(at) != kFree || !is_marked(object, room, word) || slack > kMostNear)) return false;
    if (slack >= kWord) store(object + asked, turned(word, asked));  // the object's last word still holds the mark
    store_state(at, static_cast<uint8_t>(slack + 1));
    return true;
  }
  KMEM_INLINE bool close_marked(char* object) const {
    if (KMEM_UNLIKELY(filling_ != Filling::Marks)) return false;
    uint8_t* const at = state_at(object);
    const uint8_t state = load_state(at);
    if (KMEM_UNLIKELY(!is_near(state))) return false;
    const size_t room = room_;
    const uint64_t word = canary(object);
    if (KMEM_UNLIKELY(!SealedWords::is_whole(object, room, state - 1u, word))) return false;
    put_marks(object, room, word);
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
    const uint64_t word = canary(object);
    store(object + asked, turned(word, asked));
    store(object + room - kWord, word);
    store_state(at, static_cast<uint8_t>(slack + 1));
    return true;
  }
  KMEM_INLINE bool close_zeroed(char* object) const {
    if (KMEM_UNLIKELY(filling_ != Filling::Zeroes)) return false;
    uint8_t* const at = state_at(object);
    const uint8_t state = load_state(at);
    const size_t room = room_;
    if (KMEM_UNLIKELY(!is_near(state) || room > kFewBytes)) return false;
    if (KMEM_UNLIKELY(!SealedWords::is_whole(object, room, state - 1u, canary(object)))) return false;
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

  /// Sets the states of a new slab's objects to kUntouched.
  void forget(const char* from, size_t bytes) const {
    memset(&states_[reinterpret_cast<uint64_t>(from) >> shift_], kUntouched, bytes >> shift_);
  }
  uint8_t* state_at(const char* address) const { return &states_[reinterpret_cast<uint64_t>(address) >> shift_]; }

 private:
  friend class SealTestPeer;
  static constexpr uint8_t kUntouched = 0, kFar = 241, kFree = 255;
  static constexpr size_t kMostNear = kFar - 2;  // the largest slack that fits into the state
  static constexpr size_t kFewBytes = 1024;

  /// The contents of a free object.
  enum class Filling : uint8_t { Anything, Marks, Zeroes };

  static bool is_out(uint8_t state) { return static_cast<uint8_t>(state - 1) < kFar; }
  static bool is_near(uint8_t state) { return static_cast<uint8_t>(state - 1) < kFar - 1; }
  static uint8_t load_state(const uint8_t* at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }
  static void store_state(uint8_t* at, uint8_t state) { __atomic_store_n(at, state, __ATOMIC_RELAXED); }
  uint8_t state_of(const char* object) const { return load_state(state_at(object)); }

  size_t asked_of(const char* object, uint8_t state) const {
    if (KMEM_LIKELY(state != kFar)) return room_ - (state - 1u);
    const uint64_t size = load(object + room_ - 2 * kWord) ^ canary(object);
    return size < room_ - kMostNear ? size : 0;  // else it was overwritten, though the canary behind it is intact
  }
  bool is_whole(const char* object, uint8_t state) const {
    const size_t asked = asked_of(object, state);
    return asked && SealedWords::is_whole(object, room_, room_ - asked, canary(object));
  }
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
