#include "percpu/room_index.h"

#include "base/bits.h"

namespace kmem {

uint32_t RoomIndex::find(unsigned c, uint32_t from) const {
  const Row& row = rows_[c];
  for (uint32_t w = from / 64; w < kWords; ++w) {
    const uint64_t some = row.some[w / 64].load() & ~low_mask(w % 64);
    if (!some) {
      w |= 63;
      continue;
    }
    w = w / 64 * 64 + lowest_bit(some);
    const uint64_t bits = row.bits[w].load() & (w * 64 < from ? ~low_mask(from % 64) : ~uint64_t{0});
    if (bits) return w * 64 + lowest_bit(bits);
  }
  return kMaxChunks;
}

void RoomIndex::set(Row& row, uint32_t chunk) {
  row.bits[chunk / 64].fetch_or(uint64_t{1} << chunk % 64);
  row.some[chunk / 4096].fetch_or(uint64_t{1} << chunk / 64 % 64);
}

void RoomIndex::clear(Row& row, uint32_t chunk) {
  const uint64_t bit = uint64_t{1} << chunk % 64, some = uint64_t{1} << chunk / 64 % 64;
  if (row.bits[chunk / 64].fetch_and(~bit) & ~bit) return;
  row.some[chunk / 4096].fetch_and(~some);
  if (row.bits[chunk / 64].fetch_or(0)) row.some[chunk / 4096].fetch_or(some);
}

}  // namespace kmem
