// XXH32 and XXH64: <linux/xxhash.h>.
#include <errno.h>
#include <string.h>

#include <initializer_list>

#include <linux/xxhash.h>

namespace {

template <typename Word>
Word turn(Word v, int by) {
  return v << by | v >> (8 * static_cast<int>(sizeof(Word)) - by);
}
template <typename Word>
Word load(const u8* p) {
  Word word;
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are taken lowest byte first");
  memcpy(&word, p, sizeof(word));
  return word;
}

struct Of32 {
  using Word = uint32_t;
  using State = xxh32_state;
  static constexpr Word p1 = 2654435761u, p2 = 2246822519u, p3 = 3266489917u, p4 = 668265263u, p5 = 374761393u;
  static Word round(Word v, Word in) { return turn(v + in * p2, 13) * p1; }
  static Word merge(Word v1, Word v2, Word v3, Word v4) { return turn(v1, 1) + turn(v2, 7) + turn(v3, 12) + turn(v4, 18); }
  static Word end(Word h, const u8* p, size_t n) {
    for (; n >= 4; n -= 4, p += 4) h = turn(h + load<uint32_t>(p) * p3, 17) * p4;
    for (; n > 0; --n, ++p) h = turn(h + *p * p5, 11) * p1;
    h = (h ^ h >> 15) * p2;
    h = (h ^ h >> 13) * p3;
    return h ^ h >> 16;
  }
  static u8* memory(State* s) { return reinterpret_cast<u8*>(s->mem32); }
  static Word seed_of(const State* s) { return s->v3; }
};

struct Of64 {
  using Word = uint64_t;
  using State = xxh64_state;
  static constexpr Word p1 = 11400714785074694791ull, p2 = 14029467366897019727ull, p3 = 1609587929392839161ull,
                        p4 = 9650029242287828579ull, p5 = 2870177450012600261ull;
  static Word round(Word v, Word in) { return turn(v + in * p2, 31) * p1; }
  static Word merge(Word v1, Word v2, Word v3, Word v4) {
    Word h = turn(v1, 1) + turn(v2, 7) + turn(v3, 12) + turn(v4, 18);
    for (Word v : {v1, v2, v3, v4}) h = (h ^ round(0, v)) * p1 + p4;
    return h;
  }
  static Word end(Word h, const u8* p, size_t n) {
    for (; n >= 8; n -= 8, p += 8) h = turn(h ^ round(0, load<uint64_t>(p)), 27) * p1 + p4;
    if (n >= 4) h = turn(h ^ load<uint32_t>(p) * p1, 23) * p2 + p3, n -= 4, p += 4;
    for (; n > 0; --n, ++p) h = turn(h ^ *p * p5, 11) * p1;
    h = (h ^ h >> 33) * p2;
    h = (h ^ h >> 29) * p3;
    return h ^ h >> 32;
  }
  static u8* memory(State* s) { return reinterpret_cast<u8*>(s->mem64); }
  static Word seed_of(const State* s) { return s->v3; }
};

template <typename Of>
constexpr size_t kBlock = 4 * sizeof(typename Of::Word);

template <typename Of>
void reset(typename Of::State* s, typename Of::Word seed) {
  *s = {};
  s->v1 = seed + Of::p1 + Of::p2;
  s->v2 = seed + Of::p2;
  s->v3 = seed;
  s->v4 = seed - Of::p1;
}

template <typename Of>
void take_block(typename Of::State* s, const u8* p) {
  using Word = typename Of::Word;
  s->v1 = Of::round(s->v1, load<Word>(p));
  s->v2 = Of::round(s->v2, load<Word>(p + sizeof(Word)));
  s->v3 = Of::round(s->v3, load<Word>(p + 2 * sizeof(Word)));
  s->v4 = Of::round(s->v4, load<Word>(p + 3 * sizeof(Word)));
}

/// The bytes that are left over wait in the state.
template <typename Of>
void update(typename Of::State* s, const void* data, size_t n) {
  const auto* p = static_cast<const u8*>(data);
  u8* const waiting = Of::memory(s);
  if (s->memsize) {
    const size_t more = n < kBlock<Of> - s->memsize ? n : kBlock<Of> - s->memsize;
    memcpy(waiting + s->memsize, p, more);
    s->memsize += static_cast<uint32_t>(more);
    p += more, n -= more;
    if (s->memsize < kBlock<Of>) return;
    take_block<Of>(s, waiting);
    s->memsize = 0;
  }
  for (; n >= kBlock<Of>; n -= kBlock<Of>, p += kBlock<Of>) take_block<Of>(s, p);
  if (n) memcpy(waiting, p, n);
  s->memsize = static_cast<uint32_t>(n);
}

/// `is_long`: a block has been taken; if none has, v3 is the seed.
template <typename Of>
typename Of::Word digest(const typename Of::State* s, bool is_long, uint64_t n) {
  const auto h = is_long ? Of::merge(s->v1, s->v2, s->v3, s->v4) : Of::seed_of(s) + Of::p5;
  return Of::end(h + static_cast<typename Of::Word>(n), Of::memory(const_cast<typename Of::State*>(s)), s->memsize);
}

}  // namespace

extern "C" {

void xxh32_reset(xxh32_state* s, uint32_t seed) noexcept { reset<Of32>(s, seed); }
int xxh32_update(xxh32_state* s, const void* data, size_t n) noexcept {
  if (!data) return -EINVAL;
  s->large_len |= n >= kBlock<Of32> || s->total_len_32 + n >= kBlock<Of32>;
  s->total_len_32 += static_cast<uint32_t>(n);
  return update<Of32>(s, data, n), 0;
}
uint32_t xxh32_digest(const xxh32_state* s) noexcept { return digest<Of32>(s, s->large_len, s->total_len_32); }
uint32_t xxh32(const void* data, size_t n, uint32_t seed) noexcept {
  xxh32_state s;
  xxh32_reset(&s, seed);
  if (n) xxh32_update(&s, data, n);
  return xxh32_digest(&s);
}
void xxh32_copy_state(xxh32_state* to, const xxh32_state* from) noexcept { *to = *from; }

void xxh64_reset(xxh64_state* s, uint64_t seed) noexcept { reset<Of64>(s, seed); }
int xxh64_update(xxh64_state* s, const void* data, size_t n) noexcept {
  if (!data) return -EINVAL;
  s->total_len += n;
  return update<Of64>(s, data, n), 0;
}
uint64_t xxh64_digest(const xxh64_state* s) noexcept { return digest<Of64>(s, s->total_len >= kBlock<Of64>, s->total_len); }
uint64_t xxh64(const void* data, size_t n, uint64_t seed) noexcept {
  xxh64_state s;
  xxh64_reset(&s, seed);
  if (n) xxh64_update(&s, data, n);
  return xxh64_digest(&s);
}
void xxh64_copy_state(xxh64_state* to, const xxh64_state* from) noexcept { *to = *from; }

}  // extern "C"
