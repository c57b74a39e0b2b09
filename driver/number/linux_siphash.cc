// SipHash: <linux/siphash.h>.
#include <string.h>

#include <linux/siphash.h>

namespace {

/// The state, and how many rounds follow a word.
struct Sip {
  u64 v[4];
  int rounds;

  Sip(const u64* key, int rounds_of_a_word)
      : v{key[0] ^ SIPHASH_CONST_0, key[1] ^ SIPHASH_CONST_1, key[0] ^ SIPHASH_CONST_2, key[1] ^ SIPHASH_CONST_3},
        rounds(rounds_of_a_word) {}

  void round() { SIPHASH_PERMUTATION(v[0], v[1], v[2], v[3]); }
  void take(u64 word) {
    v[3] ^= word;
    for (int i = 0; i < rounds; ++i) round();
    v[0] ^= word;
  }
  u64 end(int last_rounds) {
    v[2] ^= 0xff;
    for (int i = 0; i < last_rounds; ++i) round();
    return v[0] ^ v[1] ^ v[2] ^ v[3];
  }
};

u64 word_at(const u8* p, size_t n) {
  u64 word = 0;
  for (size_t i = 0; i < n; ++i) word |= static_cast<u64>(p[i]) << 8 * i;
  return word;
}

u64 hash(const void* data, size_t n, const u64* key, int rounds, int last_rounds) {
  Sip sip(key, rounds);
  const auto* p = static_cast<const u8*>(data);
  for (size_t left = n; left >= 8; left -= 8, p += 8) sip.take(word_at(p, 8));
  sip.take(word_at(p, n % 8) | static_cast<u64>(n) << 56);
  return sip.end(last_rounds);
}

/// Words of numbers, lowest byte first.
template <typename... Word>
u64 of_words(const u64* key, int rounds, int last_rounds, Word... words) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are taken lowest byte first");
  u8 bytes[sizeof...(words) * 8];
  size_t n = 0;
  ((__builtin_memcpy(bytes + n, &words, sizeof(words)), n += sizeof(words)), ...);
  return hash(bytes, n, key, rounds, last_rounds);
}
template <typename... Word>
u64 full(const siphash_key_t* key, Word... words) {
  return of_words(key->key, 2, 4, words...);
}
template <typename... Word>
u32 half(const hsiphash_key_t* key, Word... words) {
  const u64 wide[2] = {key->key[0], key->key[1]};
  return static_cast<u32>(of_words(wide, 1, 3, words...));
}

}  // namespace

extern "C" {

u64 siphash(const void* data, size_t n, const siphash_key_t* key) noexcept { return hash(data, n, key->key, 2, 4); }
u64 siphash_1u64(const u64 a, const siphash_key_t* key) noexcept { return full(key, a); }
u64 siphash_2u64(const u64 a, const u64 b, const siphash_key_t* key) noexcept { return full(key, a, b); }
u64 siphash_3u64(const u64 a, const u64 b, const u64 c, const siphash_key_t* key) noexcept { return full(key, a, b, c); }
u64 siphash_4u64(const u64 a, const u64 b, const u64 c, const u64 d, const siphash_key_t* key) noexcept {
  return full(key, a, b, c, d);
}
u64 siphash_1u32(const u32 a, const siphash_key_t* key) noexcept { return full(key, a); }
u64 siphash_3u32(const u32 a, const u32 b, const u32 c, const siphash_key_t* key) noexcept { return full(key, a, b, c); }

u32 hsiphash(const void* data, size_t n, const hsiphash_key_t* key) noexcept {
  const u64 wide[2] = {key->key[0], key->key[1]};
  return static_cast<u32>(hash(data, n, wide, 1, 3));
}
u32 hsiphash_1u32(const u32 a, const hsiphash_key_t* key) noexcept { return half(key, a); }
u32 hsiphash_2u32(const u32 a, const u32 b, const hsiphash_key_t* key) noexcept { return half(key, a, b); }
u32 hsiphash_3u32(const u32 a, const u32 b, const u32 c, const hsiphash_key_t* key) noexcept { return half(key, a, b, c); }
u32 hsiphash_4u32(const u32 a, const u32 b, const u32 c, const u32 d, const hsiphash_key_t* key) noexcept {
  return half(key, a, b, c, d);
}

}  // extern "C"
