#include "slab/object_layout.h"

#include "base/bits.h"
#include "boot/debug_words.h"
#include "slab/debug.h"

namespace kmem {
namespace {

constexpr uint32_t kLeastRedZone = 16, kMostRedZone = 64;

uint8_t red_byte(Red red) { return red == Red::Active ? pattern::kRedActive : pattern::kRedInactive; }

}  // namespace

void ObjectLayout::init(uint32_t flags, uint32_t object_size, uint32_t align) {
  *this = {};
  object_size_ = object_size;
  if (align < 8) align = 8;
  end_ = static_cast<uint32_t>(round_up(object_size < 8 ? 8 : object_size, align));
  if (!(flags & (debug::kRedZone | debug::kPoison | debug::kOwner))) return;
  // A large alignment applies to the object, not to its red zone, which would otherwise become as large as the object.
  const uint32_t apart = align < kMostRedZone ? align : kMostRedZone;
  const bool red = flags & debug::kRedZone;
  if (red) left_ = static_cast<uint32_t>(round_up(kLeastRedZone, apart));
  lead_ = static_cast<uint32_t>(round_up(left_, align)) - left_;
  meta_ = static_cast<uint32_t>(round_up(object_size, 8)) + (red ? kLeastRedZone : 0);
  red_end_ = red ? meta_ : 0;
  meta_end_ = meta_ + static_cast<uint32_t>(flags & debug::kOwner ? sizeof(ObjectMeta) : offsetof(ObjectMeta, owners));
  end_ = static_cast<uint32_t>(round_up(left_ + meta_end_, align)) - left_;
}

ObjectZone ObjectLayout::left(char* object, Red red) const {
  return {"Left Redzone", object - left_, left_, red_byte(red), true};
}

ObjectZone ObjectLayout::right(char* object, Red red, uint32_t from) const {
  return {"Right Redzone", object + from, from < red_end_ ? red_end_ - from : 0, red_byte(red), true};
}

ObjectZone ObjectLayout::padding(char* object) const {
  return {"Object padding", object + meta_end_, end_ - meta_end_, pattern::kInUse, false};
}

}  // namespace kmem
