#include "percpu/objects.h"

#include "base/bits.h"
#include "base/memory.h"
#include "port/port.h"

namespace kmem {
namespace {

void close(char* from, char* to, uint32_t host_page) {
  const uint64_t start = round_up(reinterpret_cast<uintptr_t>(from), host_page);
  const uint64_t end = round_down(reinterpret_cast<uintptr_t>(to), host_page);
  if (start < end) kmem_port_close(reinterpret_cast<void*>(start), end - start);
}

}  // namespace

PercpuRefusal PercpuObjects::refuses(const PercpuImage& image) const {
  const auto bytes = static_cast<size_t>(image.stop - image.start);
  if (bytes > kPercpuStride) return PercpuRefusal::TooLarge;
  if (image.start + kPercpuDistance < image.room) return PercpuRefusal::TooFar;
  if (image.start + percpu_distance(nr_copies_ - 1) + bytes > image.room_end) return PercpuRefusal::TooManyCpus;
  return PercpuRefusal::None;
}

const PercpuObjects::Entry* PercpuObjects::find(const char* variable) const {
  for (const Entry& entry : entries_) {
    const char* start = entry.start.peek();
    if (start && variable >= start && variable < entry.stop.peek()) return &entry;
  }
  return nullptr;
}

PercpuRefusal PercpuObjects::add(const PercpuImage& image, uint32_t host_page) {
  if (image.start == image.stop || contains(image.start)) return PercpuRefusal::None;
  if (const PercpuRefusal refusal = refuses(image); refusal != PercpuRefusal::None) return refusal;
  Entry* entry = claim(image.start);
  if (!entry) return PercpuRefusal::TooManyObjects;
  const auto bytes = static_cast<size_t>(image.stop - image.start);
  for (uint32_t copy = 0; copy < nr_copies_; ++copy) memcpy(image.start + percpu_distance(copy), image.start, bytes);
  close(image.room, image.start + kPercpuDistance, host_page);
  close(image.start + percpu_distance(nr_copies_ - 1) + bytes, image.room_end, host_page);
  entry->stop.store(image.stop);
  return PercpuRefusal::None;
}

PercpuObjects::Entry* PercpuObjects::claim(char* start) {
  for (Entry& entry : entries_) {
    char* none = nullptr;
    if (!entry.start.peek() && entry.start.compare_exchange(none, start)) return &entry;
  }
  return nullptr;
}

void PercpuObjects::remove(const char* start) {
  for (Entry& entry : entries_)
    if (start && entry.start.peek() == start) {
      entry.stop.store(nullptr);
      entry.start.store(nullptr);
    }
}

bool PercpuObjects::contains_copy(const char* p) const {
  for (const Entry& entry : entries_) {
    const char* start = entry.start.peek();
    if (!start) continue;
    const uintptr_t at = reinterpret_cast<uintptr_t>(p) - reinterpret_cast<uintptr_t>(start) - kPercpuDistance;
    const char* stop = entry.stop.peek();  // null while the object is being added or removed
    if (stop && at < nr_copies_ * kPercpuStride && at % kPercpuStride < static_cast<size_t>(stop - start)) return true;
  }
  return false;
}

unsigned PercpuObjects::nr_objects() const {
  unsigned n = 0;
  for (const Entry& entry : entries_) n += entry.start.peek() != nullptr;
  return n;
}

}  // namespace kmem
