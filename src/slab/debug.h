#pragma once
// What a debugged cache keeps before, in and behind each of its objects, and what it finds there later.

#include "base/atomic.h"
#include "base/memory.h"
#include "boot/debug_words.h"
#include "slab/owner.h"

namespace kmem {

/// The patterns, as the kernel documents them (Documentation/mm/slub.rst, include/linux/poison.h).
namespace pattern {
inline constexpr uint8_t kRedInactive = 0xbb;  // red zone of a free object
inline constexpr uint8_t kRedActive = 0xcc;    // of one that is out
inline constexpr uint8_t kFree = 0x6b;         // a free object...
inline constexpr uint8_t kEnd = 0xa5;          // ...and its last byte
inline constexpr uint8_t kInUse = 0x5a;        // padding, which is nobody's
/// The byte of a red zone at an address, where a key may make it one that nobody can know.
inline uint8_t red_byte(uint8_t byte, uint64_t key, const char* at) {
  return static_cast<uint8_t>(byte ^ static_cast<uint8_t>(key >> (8 * (reinterpret_cast<uint64_t>(at) & 7))));
}
/// Such bytes up to `end`.
inline void fill_red(char* at, const char* end, uint64_t key) {
  if (!key) return void(memset(at, kRedActive, static_cast<size_t>(end - at)));
  for (; at < end; ++at) *at = static_cast<char>(red_byte(kRedActive, key, at));
}
/// The first byte that is not so; null if all are.  They come again every eight bytes.
inline const char* find_not_red(const char* at, const char* end, uint64_t key) {
  const auto is_red = [&] { return static_cast<uint8_t>(*at) == red_byte(kRedActive, key, at); };
  for (unsigned i = 0; i < 8 && at < end; ++i, ++at)
    if (!is_red()) return at;
  if (at == end || memcmp(at, at - 8, static_cast<size_t>(end - at)) == 0) return nullptr;
  while (is_red()) ++at;
  return at;
}
}  // namespace pattern

/// What stands behind an object's right red zone.
struct ObjectMeta {
  /// Words that an overrun is not likely to write.
  static constexpr uint32_t kFree = 0xf5eef5ee, kOut = 0x0b1ec70c, kHeld = 0x4e1d4e1d;
  Atomic<uint32_t> state;
  uint32_t asked;  // bytes that were asked for, at most the cache's object size
  Owner owners[2];  // allocated, freed: only with `U`
};

/// The objects of one debugged cache.  Not thread-safe for one object; whoever frees an object becomes its owner by the
/// state's exchange.
///
///   left red zone | object: asked bytes, then right red zone to its end and beyond | meta | padding to the next
///
/// A free object is filled with poison, its red zones are inactive; one that is out has active red zones from the byte
/// behind those that were asked for.  In the hardened mode `key` makes the bytes of the red zones ones that an attacker
/// does not know.
class ObjectDebug {
 public:
  /// `fillable`: nobody counts on what is in a free object (no constructor, no reader after the free).
  void init(const char* cache, uint32_t flags, uint32_t object_size, uint32_t align, bool fillable, uint64_t key);
  bool on() const { return flags_ != 0; }
  /// Is there anything around or in the objects?
  bool has_meta() const { return meta_ != 0; }
  uint32_t flags() const { return flags_; }
  /// Bytes before the object, and from the object to the next one's first byte.
  uint32_t left() const { return left_; }
  uint32_t stride() const { return left_ + end_; }

  /// A new object: free.
  void make(char* object) const;
  /// Every function below tells whether all was well; what was not has been reported and put right.
  bool check_free(char* object, const char* when) const;
  bool check_out(char* object, const char* when) const;
  /// From free to out.  Its contents are poison, unless it cannot be filled.
  bool take(char* object, uint32_t asked) const;
  /// From out to held; then the caller's.  False: it was not out, which has been reported, and nothing changed.
  bool give(char* object) const;
  /// From held to free, after a last look.
  bool settle(char* object) const;
  /// The same without the look.
  void rest(char* object) const {
    if (meta_) meta(object)->state.store(ObjectMeta::kFree);
  }
  /// Whoever let go of it may have kept a constructed object in another state: reports that, if `now` is not `then`.
  void compare_state(const char* object, uint64_t then, uint64_t now) const;
  static uint64_t hash(const char* object, uint32_t bytes);
  uint32_t asked(const char* object) const { return meta_ ? meta(object)->asked : object_size_; }
  /// Who allocated an object, or freed it; null where nobody keeps account.
  const Owner* owner(const char* object, bool freed) const {
    return flags_ & debug::kOwner ? &meta(object)->owners[freed] : nullptr;
  }
  bool is_out(const char* object) const { return !meta_ || meta(object)->state.load() == ObjectMeta::kOut; }
  bool is_free(const char* object) const { return !meta_ || meta(object)->state.load() == ObjectMeta::kFree; }

  /// The report of something about one object in the kernel's form; the caller says what is done about it.
  /// False: one of too many, and nothing was said.
  bool report(const char* object, const char* what) const;
  /// A line for an object that is out, and who took it.
  void print(Report& report, const char* object) const;
  /// A free that is not carried out.
  void refuse(const char* object, const char* what) const;
  void trace(const char* object, const char* what) const;
  /// Reports of all caches so far.
  static uint64_t nr_reports();

 private:
  struct Zone {
    const char* name;
    char* from;
    size_t bytes;
    uint8_t byte;
    bool keyed;
  };
  ObjectMeta* meta(const char* object) const {
    return reinterpret_cast<ObjectMeta*>(const_cast<char*>(object) + meta_);
  }
  uint8_t expected(const Zone& zone, const char* at) const;
  void fill(const Zone& zone) const;
  size_t sound_words(const Zone& zone) const;
  bool check(char* object, const Zone& zone, const char* when) const;
  Zone left_zone(char* object, bool out) const;
  Zone right_zone(char* object, bool out, uint32_t from) const;
  Zone padding(char* object) const;
  bool poisons() const { return (flags_ & debug::kPoison) && fillable_; }
  bool check_poison(char* object, const char* when) const;
  void poison(char* object) const;
  void set_red(char* object, bool out, uint32_t from) const;
  void dump(const char* object) const;
  void report_bytes(const char* object, const Zone& zone, const char* first, const char* last, const char* when) const;

  const char* cache_ = "";
  uint64_t key_ = 0;
  uint32_t flags_ = 0;
  bool fillable_ = false;
  uint32_t object_size_ = 0;
  uint32_t left_ = 0;  // bytes of the left red zone
  // Distances from the object's start:
  uint32_t red_end_ = 0;
  uint32_t meta_ = 0;  // 0: none
  uint32_t meta_end_ = 0;
  uint32_t end_ = 0;
};

}  // namespace kmem
