#include "boot/debug_words.h"

#include "boot/slice.h"

namespace kmem {
namespace {

/// A block's letters, up to its comma.
struct Letters {
  uint32_t flags = 0;
  bool spares_large = false;
  bool good = true;
};

Letters read(Slice text) {
  Letters letters;
  if (!text.size) letters.flags = debug::kDefault;
  if (text.size == 1 && text[0] == '-') return letters;
  for (const char c : text) {
    switch (c | 0x20) {
      case 'f': letters.flags |= debug::kChecks; break;
      case 'z': letters.flags |= debug::kRedZone; break;
      case 'p': letters.flags |= debug::kPoison; break;
      case 'u': letters.flags |= debug::kOwner; break;
      case 't': letters.flags |= debug::kTrace; break;
      case 'o': letters.spares_large = true; break;
      default: letters.good = false;
    }
  }
  return letters;
}

bool matches(Slice pattern, const char* name) {
  for (size_t i = 0; i < pattern.size; ++i) {
    if (pattern[i] == '*') return true;
    if (!name[i] || name[i] != pattern[i]) return false;
  }
  return pattern.size && !name[pattern.size];
}

bool names(Slice list, const char* cache) {
  while (list.size)
    if (matches(cut(list, ','), cache)) return true;
  return false;
}

}  // namespace

bool DebugWords::parse(Span<const char> text) {
  if (text.size >= kRoom) return false;
  bool spares = false;
  for (Slice rest = text; rest.size;) {
    Slice block = cut(rest, ';');
    const Letters letters = read(cut(block, ','));
    if (!letters.good) return false;
    spares |= letters.spares_large;
  }
  for (size_t i = 0; i < text.size; ++i) text_[i] = text[i];
  if (!text.size) text_[0] = ';';  // an empty block: the default, for all
  length_ = text.size ? text.size : 1;
  spares_large_ = spares;
  return true;
}

uint32_t DebugWords::flags_for(const char* cache) const {
  uint32_t for_all = 0;
  for (Slice rest(text_, length_); rest.size;) {
    Slice block = cut(rest, ';');
    const Letters letters = read(cut(block, ','));
    if (names(block, cache)) return letters.flags | everywhere_;
    if (!block.size) for_all = letters.flags;
  }
  return for_all | everywhere_;
}

}  // namespace kmem
