// Fields of bits in a buffer: <linux/packing.h>.
#include <errno.h>

#include <linux/packing.h>
#include <linux/printk.h>

namespace {

/// Where bit n of the field's numbering is.
struct Place {
  size_t byte;
  unsigned bit;
};
Place place_of(unsigned n, size_t bytes, u8 quirks) {
  size_t byte = bytes - n / 8 - 1;
  if (quirks & QUIRK_LITTLE_ENDIAN) byte ^= 3;
  if (quirks & QUIRK_LSW32_IS_FIRST) byte = (bytes / 4 - byte / 4 - 1) * 4 + byte % 4;
  return {byte, quirks & QUIRK_MSB_ON_THE_RIGHT ? 7 - n % 8 : n % 8};
}

void move(u8& byte, unsigned bit, u64& value, unsigned at, packing_op operation) {
  if (operation == UNPACK) value |= static_cast<u64>(byte >> bit & 1) << at;
  else byte = static_cast<u8>((byte & ~(1u << bit)) | (value >> at & 1) << bit);
}

int check(u64 value, int startbit, int endbit, size_t bytes, packing_op operation) {
  if (startbit < endbit || endbit < 0 || (operation != PACK && operation != UNPACK)) {
    pr_err("packing: bits %d to %d are the wrong way round\n", startbit, endbit);
    return -EINVAL;
  }
  const int width = startbit - endbit + 1;
  if (width > 64 || static_cast<size_t>(startbit) >= 8 * bytes) {
    pr_err("packing: %d bits do not fit\n", width);
    return -ERANGE;
  }
  if (operation == PACK && width < 64 && value >> width) {
    pr_err("packing: %llu does not fit into %d bits\n", static_cast<unsigned long long>(value), width);
    return -ERANGE;
  }
  return 0;
}

}  // namespace

extern "C" int packing(void* buffer, u64* value, int startbit, int endbit, size_t bytes, packing_op operation,
                       u8 quirks) noexcept {
  if (const int error = check(*value, startbit, endbit, bytes, operation)) return error;
  if (operation == UNPACK) *value = 0;
  for (int n = endbit; n <= startbit; ++n) {
    const Place at = place_of(static_cast<unsigned>(n), bytes, quirks);
    move(static_cast<u8*>(buffer)[at.byte], at.bit, *value, static_cast<unsigned>(n - endbit), operation);
  }
  return 0;
}
