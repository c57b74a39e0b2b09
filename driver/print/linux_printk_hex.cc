// Hex dumps.

#include <string.h>

#include <linux/printk.h>

#include "print/format.h"

namespace kmem_driver {
namespace {

void print_group(Output& out, const unsigned char* bytes, int group) {
  unsigned long long value = 0;
  memcpy(&value, bytes, static_cast<size_t>(group));
  out.print("%0*llx", group * 2, value);
}

bool is_group(int n) { return n == 1 || n == 2 || n == 4 || n == 8; }

int dump_line(Output& out, const unsigned char* bytes, size_t length, int per_line, int group, bool ascii) {
  if (per_line != 16 && per_line != 32) per_line = 16;
  if (length > static_cast<size_t>(per_line)) length = static_cast<size_t>(per_line);
  if (!is_group(group) || length % static_cast<size_t>(group)) group = 1;
  for (size_t i = 0; i < length; i += static_cast<size_t>(group)) {
    if (i) out.put(' ');
    print_group(out, bytes + i, group);
  }
  if (!ascii || !length) return out.end();
  const size_t groups = length / static_cast<size_t>(group);
  const size_t so_far = groups * (static_cast<size_t>(group) * 2 + 1) - 1;
  const size_t column = static_cast<size_t>(per_line) * 2 + static_cast<size_t>(per_line / group) + 1;
  for (size_t i = so_far; i < column; ++i) out.put(' ');
  for (size_t i = 0; i < length; ++i) out.put(bytes[i] >= 0x20 && bytes[i] <= 0x7e ? static_cast<char>(bytes[i]) : '.');
  return out.end();
}

}  // namespace
}  // namespace kmem_driver

extern "C" {

int hex_dump_to_buffer(const void* bytes, size_t length, int per_line, int group, char* line, size_t line_size,
                       bool ascii) noexcept {
  kmem_driver::Output out(line, line_size);
  return kmem_driver::dump_line(out, static_cast<const unsigned char*>(bytes), length, per_line, group, ascii);
}

void print_hex_dump(const char* level, const char* prefix, int prefix_type, int per_line, int group, const void* bytes,
                    size_t length, bool ascii) noexcept {
  if (per_line != 16 && per_line != 32) per_line = 16;
  const auto* at = static_cast<const unsigned char*>(bytes);
  char line[32 * 3 + 2 + 32 + 1];
  for (size_t i = 0; i < length; i += static_cast<size_t>(per_line)) {
    hex_dump_to_buffer(at + i, length - i, per_line, group, line, sizeof(line), ascii);
    if (prefix_type == DUMP_PREFIX_ADDRESS) printk("%s%s%p: %s\n", level, prefix, static_cast<const void*>(at + i), line);
    else if (prefix_type == DUMP_PREFIX_OFFSET) printk("%s%s%.8x: %s\n", level, prefix, static_cast<unsigned>(i), line);
    else printk("%s%s%s\n", level, prefix, line);
  }
}

}  // extern "C"
