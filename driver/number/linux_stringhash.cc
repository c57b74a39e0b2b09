// Hashes of names, and runs in a device's table: <linux/stringhash.h>, <linux/iommu-helper.h>.
#include <string.h>

#include <linux/bitmap.h>
#include <linux/iommu-helper.h>
#include <linux/stringhash.h>

extern "C" {

unsigned full_name_hash(const void* salt, const char* name, unsigned n) noexcept {
  unsigned long hash = init_name_hash(salt);
  for (unsigned i = 0; i < n; ++i) hash = partial_name_hash(static_cast<unsigned char>(name[i]), hash);
  return end_name_hash(hash);
}
u64 hashlen_string(const void* salt, const char* name) noexcept {
  const auto n = static_cast<unsigned>(strlen(name));
  return hashlen_create(full_name_hash(salt, name, n), n);
}

unsigned long iommu_area_alloc(unsigned long* map, unsigned long size, unsigned long start, unsigned nr, unsigned long shift,
                               unsigned long boundary, unsigned long align_mask) noexcept {
  --size;  // an address behind the last page would be none
  for (;;) {
    const unsigned long at = bitmap_find_next_zero_area(map, size, start, nr, align_mask);
    if (at >= size || at + nr > size) return ~0ul;
    if (!iommu_is_span_boundary(static_cast<unsigned>(at), nr, shift, boundary)) {
      bitmap_set(map, static_cast<unsigned>(at), nr);
      return at;
    }
    start = ((shift + at + boundary) & ~(boundary - 1)) - shift;
  }
}

}  // extern "C"
