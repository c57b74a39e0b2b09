#include "slab/block_guards.h"

#include "base/bits.h"
#include "slab/debug.h"
#include "watch/report.h"

namespace kmem {

BlockGuards::Range BlockGuards::range_of(const void* p, size_t size) {
  const auto at = reinterpret_cast<uint64_t>(p);
  const uint64_t from = round_down(at, kPageSize) - kPageSize, to = round_up(at + size, kPageSize) + kPageSize;
  return {reinterpret_cast<char*>(from), static_cast<size_t>(to - from)};
}

void BlockGuards::fill(char* from, char* to) const { pattern::fill_red(from, to, key_); }

bool BlockGuards::check_bytes(char* p, size_t size, char* from, char* to) const {
  const char* at = pattern::find_not_red(from, to, key_);
  if (!at) return true;
  static RateLimit limit;
  bug_report_limited(limit, Trouble::Bug, "write %s %p, a block of %zu bytes: byte %lld is 0x%02x instead of 0x%02x",
                     at < p ? "in front of" : "past the end of", static_cast<void*>(p), size, static_cast<long long>(at - p),
                     static_cast<uint8_t>(*at), pattern::red_byte(pattern::kRedActive, key_, at));
  fill(from, to);
  return false;
}

bool BlockGuards::check(char* p, size_t size) const {
  const Range range = range_of(p, size);
  const bool front = check_bytes(p, size, range.from + kPageSize, p);
  return check_bytes(p, size, p + size, range.from + range.bytes - kPageSize) && front;
}

}  // namespace kmem
