#pragma once
// The red zones, poison and metadata of a debugged cache's objects, and their checks.

#include "base/atomic.h"
#include "base/memory.h"
#include "boot/debug_words.h"
#include "slab/object_layout.h"
#include "slab/owner.h"

namespace kmem {

/// The patterns, as the kernel documents them (Documentation/mm/slub.rst, and its poison.h).
namespace pattern {
inline constexpr uint8_t kRedInactive = 0xbb;  // red zone of a free object
inline constexpr uint8_t kRedActive = 0xcc;    // red zone of an allocated object
inline constexpr uint8_t kFree = 0x6b;         // a free object...
inline constexpr uint8_t kEnd = 0xa5;          // ...and its last byte
inline constexpr uint8_t kInUse = 0x5a;        // padding
/// The byte of a red zone at an address; a key can make it secret.
inline uint8_t red_byte(uint8_t byte, uint64_t key, const char* at) {
  return static_cast<uint8_t>(byte ^ static_cast<uint8_t>(key >> (8 * (reinterpret_cast<uint64_t>(at) & 7))));
}
/// Fills a red zone up to `end`.
inline void fill_red(char* at, const char* end, uint64_t key) {
  if (!key) return void(memset(at, kRedActive, static_cast<size_t>(end - at)));
  for (; at < end; ++at) *at = static_cast<char>(red_byte(kRedActive, key, at));
}
/// The first byte that differs; null if none does. The pattern repeats every eight bytes.
inline const char* find_not_red(const char* at, const char* end, uint64_t key) {
  const auto is_red = [&] { return static_cast<uint8_t>(*at) == red_byte(kRedActive, key, at); };
  for (unsigned i = 0; i < 8 && at < end; ++i, ++at)
    if (!is_red()) return at;
  if (at == end || memcmp(at, at - 8, static_cast<size_t>(end - at)) == 0) return nullptr;
  while (is_red()) ++at;
  return at;
}
}  // namespace pattern

/// The metadata after an object's right red zone.
struct ObjectMeta {
  /// Magic numbers that an overrun is unlikely to write.
  static constexpr uint32_t kFree = 0xf5eef5ee, kOut = 0x0b1ec70c, kHeld = 0x4e1d4e1d;
  Atomic<uint32_t> state;
  uint32_t asked;   // requested bytes, at most the cache's object size
  Owner owners[2];  // allocated, freed: only with `U`
};

/// The objects of one debugged cache. Not thread-safe for one object; the thread that frees an object becomes its owner
/// by exchanging the state.
///
/// ObjectLayout (slab/object_layout.h) computes the addresses. A free object is filled with poison, and its red zones are
/// inactive; an allocated one has active red zones, the right one from the end of the requested bytes on. In the hardened mode
/// `key` makes the bytes of the red zones secret.
class ObjectDebug {
 public:
  struct Setup {
    const char* cache = "";
    uint32_t flags = 0;
    uint32_t object_size = 0;
    uint32_t align = 8;
    bool fillable = false;  // the contents of a free object do not matter: no constructor, no reader after the free
    uint64_t key = 0;
    bool ends = false;  // a report ends the process, and shows no bytes of an object
  };
  void init(const Setup& setup);
  bool on() const { return flags_ != 0; }
  const ObjectLayout& layout() const { return layout_; }
  bool has_meta() const { return layout_.has_meta(); }
  uint32_t flags() const { return flags_; }

  /// Initialises a new object as free.
  void make(char* object) const;
  /// The functions below report and repair damage, and return false if there was any.
  bool check_free(char* object, const char* when) const;
  bool check_out(char* object, const char* when) const;
  /// From free to allocated. Its contents are poison, unless it cannot be filled.
  bool take(char* object, uint32_t asked) const;
  /// Changes the requested size of an allocated object, to at most the object size. First reports writes behind the old size.
  void resize(char* object, uint32_t asked) const;
  /// From allocated to held; then the caller owns it. False: it was not allocated; reported, and nothing has changed.
  bool give(char* object) const;
  /// From held to free, after a last check.
  bool release_checked(char* object) const;
  /// The same without the check.
  void release(char* object) const {
    if (has_meta()) meta(object)->state.store(ObjectMeta::kFree);
  }
  /// Reports that a constructed object was freed in another state, if `now` is not `then`.
  void compare_state(const char* object, uint64_t then, uint64_t now) const;
  static uint64_t hash(const char* object, uint32_t bytes);
  uint32_t asked(const char* object) const { return has_meta() ? meta(object)->asked : layout_.object_size(); }
  /// The owner that allocated or freed an object; null if the cache does not store it.
  const Owner* owner(const char* object, OwnerCall call) const {
    return flags_ & debug::kOwner ? &meta(object)->owners[static_cast<unsigned>(call)] : nullptr;
  }
  bool is_out(const char* object) const { return !has_meta() || meta(object)->state.load() == ObjectMeta::kOut; }
  /// Is it known to be free, or in the quarantine?
  bool is_given_back(const char* object) const {
    const uint32_t state = has_meta() ? meta(object)->state.load() : ObjectMeta::kOut;
    return state == ObjectMeta::kFree || state == ObjectMeta::kHeld;
  }
  bool is_free(const char* object) const { return !has_meta() || meta(object)->state.load() == ObjectMeta::kFree; }

  /// Reports a mistake about one object in the kernel's form; the caller adds what is done about it. False: suppressed by the
  /// rate limit.
  bool report(const char* object, const char* what) const;
  /// A line for an allocated object, and the code that allocated it.
  void print(Report& report, const char* object) const;
  /// Reports a free that is not carried out.
  void refuse(const char* object, const char* what) const;
  void trace(const char* object, const char* what) const;
  /// The number of reports of all caches so far.
  static uint64_t nr_reports();

 private:
  ObjectMeta* meta(const char* object) const { return layout_.meta(object); }
  uint8_t expected(const ObjectZone& zone, const char* at) const;
  void fill(const ObjectZone& zone) const;
  size_t sound_words(const ObjectZone& zone) const;
  bool check(char* object, const ObjectZone& zone, const char* when) const;
  bool poisons() const { return (flags_ & debug::kPoison) && fillable_; }
  bool check_poison(char* object, const char* when) const;
  void poison(char* object) const;
  void set_red(char* object, Red red, uint32_t from) const;
  void dump(const char* object) const;
  void end_report() const;
  void report_bytes(const char* object, const ObjectZone& zone, const char* first, const char* last, const char* when) const;

  const char* cache_ = "";
  uint64_t key_ = 0;
  uint32_t flags_ = 0;
  bool fillable_ = false;
  bool ends_ = false;
  ObjectLayout layout_;
};

}  // namespace kmem
