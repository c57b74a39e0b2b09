// Universally unique identifiers: <linux/uuid.h>.
#include <cerrno>

#include <linux/hex.h>
#include <linux/random.h>
#include <linux/uuid.h>

const uuid_t kmem_uuid_null = {};
const guid_t kmem_guid_null = {};

namespace {

// The position of each byte's two digits, in the order of the text.
constexpr unsigned kDigits[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
// The index in a guid_t of each byte of the text.
constexpr unsigned kGuid[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr unsigned kUuid[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

int parse(const char* text, u8* id, const unsigned* place) {
  if (!uuid_is_valid(text)) return -EINVAL;
  for (unsigned i = 0; i < 16; ++i)
    id[place[i]] = static_cast<u8>(hex_to_bin(static_cast<unsigned char>(text[kDigits[i]])) << 4 |
                                   hex_to_bin(static_cast<unsigned char>(text[kDigits[i] + 1])));
  return 0;
}

/// Random bits, with version 4 in the given byte and the variant of RFC 4122 in the ninth.
void generate(u8* id, unsigned version_at) {
  get_random_bytes(id, UUID_SIZE);
  id[version_at] = static_cast<u8>((id[version_at] & 0x0f) | 0x40);
  id[8] = static_cast<u8>((id[8] & 0x3f) | 0x80);
}

}  // namespace

bool uuid_is_valid(const char* text) noexcept {
  for (unsigned i = 0; i < UUID_STRING_LEN; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : hex_to_bin(static_cast<unsigned char>(text[i])) < 0) return false;
  }
  return true;
}
int uuid_parse(const char* text, uuid_t* id) noexcept { return parse(text, id->b, kUuid); }
int guid_parse(const char* text, guid_t* id) noexcept { return parse(text, id->b, kGuid); }
void uuid_gen(uuid_t* id) noexcept { generate(id->b, 6); }
void guid_gen(guid_t* id) noexcept { generate(id->b, 7); }
void generate_random_uuid(unsigned char id[16]) noexcept { generate(id, 6); }
void generate_random_guid(unsigned char id[16]) noexcept { generate(id, 7); }
