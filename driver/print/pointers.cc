// %p and its letters.

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/printk.h>

#include "host/host.h"
#include "print/format.h"

namespace kmem_driver {
namespace {

const unsigned char* bytes_of(const void* p) { return static_cast<const unsigned char*>(p); }

void print_symbol(Output& out, const void* address, char form) {
  char name[256];
  unsigned long offset;
  const size_t before = form == 'B';  // %pB is a return address: the call is in front of it
  if (!host::name_code(bytes_of(address) - before, name, sizeof(name), &offset))
    return out.print("0x%lx", reinterpret_cast<unsigned long>(address));
  out.put(name);
  if (form != 's' && form != 'f') out.print("+0x%lx", offset + before);
}

void print_error(Output& out, const void* pointer) {
  const long error = reinterpret_cast<long>(pointer);
  if (!IS_ERR(pointer)) return out.print("%016lx", static_cast<unsigned long>(error));
  const char* name = strerrorname_np(static_cast<int>(-error));
  if (name) out.print("-%s", name);
  else out.print("%ld", error);
}

void print_bytes(Output& out, const unsigned char* bytes, size_t n, const char* separator) {
  for (size_t i = 0; i < n; ++i) out.print("%s%02x", i ? separator : "", bytes[i]);
}

/// Four numbers; i4 has leading zeros.
void print_ip4(Output& out, const unsigned char* b, bool padded) {
  out.print(padded ? "%03u.%03u.%03u.%03u" : "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

unsigned group_of(const unsigned char* b, int i) { return static_cast<unsigned>(b[2 * i] << 8 | b[2 * i + 1]); }

/// The longest run of two or more groups of zeros is "::".
void print_ip6_short(Output& out, const unsigned char* b) {
  int best = -1, length = 1;
  for (int i = 0; i < 8; ++i) {
    int n = 0;
    while (i + n < 8 && !group_of(b, i + n)) ++n;
    if (n > length) best = i, length = n;
  }
  for (int i = 0; i < 8; ++i) {
    if (i == best) {
      out.put("::");
      i += length - 1;
      continue;
    }
    out.print("%s%x", i && i != best + length ? ":" : "", group_of(b, i));
  }
}

void print_ip6(Output& out, const unsigned char* b, bool plain, bool is_short) {
  if (is_short) return print_ip6_short(out, b);
  for (int i = 0; i < 8; ++i) out.print("%s%04x", i && !plain ? ":" : "", group_of(b, i));
}

void print_uuid(Output& out, const unsigned char* b, char form) {
  static const unsigned char big[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  static const unsigned char little[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  const unsigned char* order = form == 'l' || form == 'L' ? little : big;
  const bool upper = form == 'B' || form == 'L';
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.put('-');
    out.print(upper ? "%02X" : "%02x", b[order[i]]);
  }
}

bool bit(const unsigned long* words, int n) { return words[n / BITS_PER_LONG] >> (n % BITS_PER_LONG) & 1; }

void print_bit_list(Output& out, const unsigned long* words, int nr) {
  const char* separator = "";
  for (int i = 0; i < nr; ++i) {
    if (!bit(words, i)) continue;
    const int first = i;
    while (i + 1 < nr && bit(words, i + 1)) ++i;
    out.print(first == i ? "%s%d" : "%s%d-%d", separator, first, i);
    separator = ",";
  }
}

void print_bit_words(Output& out, const unsigned long* words, int nr) {
  for (int word = (nr + 31) / 32 - 1, first = word; word >= 0; --word) {
    unsigned value = static_cast<unsigned>(words[word / 2] >> (word % 2 * 32));
    const int bits = word == first && nr % 32 ? nr % 32 : 32;
    if (bits < 32) value &= (1u << bits) - 1;
    out.print("%s%0*x", word == first ? "" : ",", (bits + 3) / 4, value);
  }
}

void print_resource(Output& out, const resource& r, bool raw) {
  const char* kind = r.flags & IORESOURCE_IO ? "io " : r.flags & IORESOURCE_MEM ? "mem" : "???";
  out.print("[%s ", kind);
  const int digits = r.flags & IORESOURCE_IO ? 4 : 8;
  out.print("0x%0*llx-0x%0*llx", digits, static_cast<unsigned long long>(r.start), digits,
            static_cast<unsigned long long>(r.end));
  if (raw) out.print(" flags 0x%lx", r.flags);
  out.put("]");
}

void print_nested(Output& out, const va_format& nested) {
  char text[1024];
  va_list again;
  va_copy(again, *nested.va);
  print_all(text, sizeof(text), nested.fmt, again);
  va_end(again);
  out.put(text);
}

/// The letter if it is one of these; else 0.
char one_of(char c, const char* letters) { return c && strchr(letters, c) ? c : 0; }

size_t print_address_of(Output& out, const char* letters, const void* p) {
  const auto* b = bytes_of(p);
  switch (letters[0]) {
    case 'M': print_bytes(out, b, 6, letters[1] == 'F' ? "-" : ":"); return letters[1] == 'F' ? 2 : 1;
    case 'm': print_bytes(out, b, 6, ""); return 1;
    case 'i':
    case 'I':
      if (letters[1] == '4') return print_ip4(out, b, letters[0] == 'i'), 2;
      if (letters[1] != '6') return 0;
      print_ip6(out, b, letters[0] == 'i', letters[2] == 'c');
      return letters[2] == 'c' ? 3 : 2;
    default: return 0;
  }
}

/// Kinds that read the memory; prints nothing for NULL.
size_t print_contents(Output& out, const Conversion& how, const char* letters, const void* p) {
  const auto* b = bytes_of(p);
  switch (letters[0]) {
    case 'U': {
      const char form = one_of(letters[1], "bBlL");
      print_uuid(out, b, form);
      return form ? 2 : 1;
    }
    case 'h': {
      const char form = one_of(letters[1], "CDN");
      const size_t n = how.width > 0 ? static_cast<size_t>(how.width < 64 ? how.width : 64) : 1;
      print_bytes(out, b, n, form == 'C' ? ":" : form == 'D' ? "-" : form == 'N' ? "" : " ");
      return form ? 2 : 1;
    }
    case 'b': {
      const bool list = letters[1] == 'l';
      (list ? print_bit_list : print_bit_words)(out, static_cast<const unsigned long*>(p), how.width > 0 ? how.width : 0);
      return list ? 2 : 1;
    }
    case 'a': out.print("0x%016llx", *static_cast<const unsigned long long*>(p)); return one_of(letters[1], "pd") ? 2 : 1;
    case 'r':
    case 'R': return print_resource(out, *static_cast<const resource*>(p), letters[0] == 'r'), 1;
    case 'V': return print_nested(out, *static_cast<const va_format*>(p)), 1;
    default: return print_address_of(out, letters, p);
  }
}

}  // namespace

size_t print_pointer(Output& out, const Conversion& how, const char* letters, const void* p) {
  switch (letters[0]) {
    case 'S':
    case 's':
    case 'F':
    case 'f':
    case 'B': return print_symbol(out, p, letters[0]), 1;
    case 'e': return print_error(out, p), 1;
    case 'x':
    case 'K': return out.print("%016lx", reinterpret_cast<unsigned long>(p)), 1;
    default: break;
  }
  if (one_of(letters[0], "MmiIUhbarRV")) {
    if (reinterpret_cast<uintptr_t>(p) < 4096) {
      out.put(p ? "(einval)" : "(null)");
      Output nowhere(nullptr, 0);
      static const unsigned char nothing[64] = {};
      return letters[0] == 'V' || letters[0] == 'r' || letters[0] == 'R' ? 1 : print_contents(nowhere, how, letters, nothing);
    }
    return print_contents(out, how, letters, p);
  }
  out.print("%016lx", reinterpret_cast<unsigned long>(p));
  return 0;
}

}  // namespace kmem_driver
