#pragma once
// The layout of red zones and metadata around an object of a debugged cache.

#include "base/types.h"

namespace kmem {

struct ObjectMeta;

/// Bytes around an object that hold a pattern.
struct ObjectZone {
  const char* name;
  char* from;
  size_t bytes;
  uint8_t byte;
  bool keyed;  // it is a red zone, whose bytes may be secret
};

/// The state of an object's red zones: free, or allocated.
enum class Red : uint8_t { Inactive, Active };

///   left red zone | object: asked bytes, then right red zone to its end and beyond | meta | padding to the next
class ObjectLayout {
 public:
  void init(uint32_t flags, uint32_t object_size, uint32_t align);

  uint32_t object_size() const { return object_size_; }
  /// Have the objects metadata?
  bool has_meta() const { return meta_ != 0; }
  /// Bytes before the first object of a slab; those of them outside its red zone; bytes from one object to the next.
  uint32_t first() const { return lead_ + left_; }
  uint32_t lead() const { return lead_; }
  uint32_t stride() const { return left_ + end_; }
  uint32_t left_bytes() const { return left_; }
  uint32_t meta_bytes() const { return meta_end_ - meta_; }

  ObjectZone left(char* object, Red red) const;
  /// The right red zone, which begins so many bytes behind the object's start.
  ObjectZone right(char* object, Red red, uint32_t from) const;
  ObjectZone padding(char* object) const;
  ObjectMeta* meta(const char* object) const { return reinterpret_cast<ObjectMeta*>(const_cast<char*>(object) + meta_); }

 private:
  uint32_t object_size_ = 0;
  uint32_t left_ = 0;  // bytes of the left red zone
  uint32_t lead_ = 0;  // before that of a slab's first object, which is aligned
  // Distances from the object's start:
  uint32_t red_end_ = 0;  // 0: there are no red zones
  uint32_t meta_ = 0;     // 0: none
  uint32_t meta_end_ = 0;
  uint32_t end_ = 0;
};

}  // namespace kmem
