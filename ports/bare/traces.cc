// Stack traces by frame pointers, symbols by a table that the build makes from the linked image.

#include "bare.h"
#include "base/format.h"
#include "base/memory.h"
#include "port/port.h"

/// Made after a first linking: ascending addresses, and the start of each name in the text. Weak: without them reports show
/// only addresses.
extern "C" {
__attribute__((weak)) extern const uint64_t bare_symbols[];
__attribute__((weak)) extern const uint32_t bare_symbol_names[], bare_nr_symbols;
__attribute__((weak)) extern const char bare_symbol_text[];
extern char bare_image_text[], bare_image_text_end[], bare_image_constants[], bare_image_constants_end[];
extern char bare_image_data[], bare_image_end[];
}

namespace bare {

bool is_code(uint64_t at) {
  return at >= reinterpret_cast<uint64_t>(bare_image_text) && at < reinterpret_cast<uint64_t>(bare_image_text_end);
}

unsigned walk_frames(const void* frame, void** out, unsigned max) {
  unsigned n = 0;
  constexpr size_t kWord = sizeof(uintptr_t);
  for (uint64_t at = reinterpret_cast<uintptr_t>(frame); n < max && at && !(at % kWord) && is_mapped(at);) {
    const auto* words = reinterpret_cast<const uintptr_t*>(at);
    if (!is_mapped(at + kWord) || !is_code(words[1])) break;
    out[n++] = reinterpret_cast<void*>(words[1]);
    if (words[0] <= at) break;
    at = words[0];
  }
  return n;
}

static size_t name(uint64_t code, char* out, size_t bytes) {
  const uint32_t nr = &bare_nr_symbols && bare_symbols ? bare_nr_symbols : 0;
  if (!nr || !bytes || !is_code(code)) return 0;
  uint32_t low = 0, high = nr;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (bare_symbols[middle] <= code) low = middle + 1;
    else high = middle;
  }
  if (!low) return 0;
  kmem::TextOf<256> text;
  const uint64_t end = low < nr ? bare_symbols[low] : reinterpret_cast<uint64_t>(bare_image_text_end);
  text.printf("%s+0x%llx/0x%llx", bare_symbol_text + bare_symbol_names[low - 1],
              static_cast<unsigned long long>(code - bare_symbols[low - 1]),
              static_cast<unsigned long long>(end - bare_symbols[low - 1]));
  const size_t n = text.size() < bytes ? text.size() : bytes - 1;
  memcpy(out, text.data(), n);
  out[n] = 0;
  return n;
}

void show_trace(const void* pc, const void* frame) {
  void* frames[24];
  unsigned n = 0;
  if (pc) frames[n++] = const_cast<void*>(pc);
  n += walk_frames(frame, frames + n, 24 - n);
  say("Call trace:\n");
  for (unsigned i = 0; i < n; ++i) {
    char text[160] = "";
    name(reinterpret_cast<uint64_t>(frames[i]), text, sizeof text);
    say(" %p %s\n", frames[i], text);
  }
}

}  // namespace bare

using namespace bare;

extern "C" {

/// No tail call: the frame that the walk begins at must still be there.
unsigned kmem_port_backtrace(void** frames, unsigned max) {
  const unsigned n = walk_frames(__builtin_frame_address(0), frames, max);
  asm volatile("" : : : "memory");
  return n;
}
unsigned kmem_port_backtrace_of(const kmem::BadAccess* access, void** frames, unsigned max) {
  const auto* registers = static_cast<const SavedRegisters*>(access->state);
  if (!max) return 0;
  frames[0] = const_cast<void*>(pc_of(registers));
  return 1 + walk_frames(frame_of(registers), frames + 1, max - 1);
}
size_t kmem_port_name_code(const void* code, char* out, size_t bytes) {
  if (bytes) *out = 0;
  return name(reinterpret_cast<uint64_t>(code), out, bytes);
}
bool kmem_port_is_constant(const void* address) {
  return address >= bare_image_constants && address < bare_image_constants_end;
}

bool kmem_port_catch_accesses(bool (*caught)(const kmem::BadAccess& access), kmem::Handlers) {
  caught_access = caught;
  return true;
}
bool kmem_port_catches_accesses() { return caught_access != nullptr; }

size_t kmem_port_read(const void* from, void* to, size_t bytes) {
  size_t n = 0;
  while (n < bytes) {
    const uint64_t at = reinterpret_cast<uint64_t>(from) + n;
    if (!is_mapped(at)) break;
    const size_t left = kPageSize - at % kPageSize, some = left < bytes - n ? left : bytes - n;
    memcpy(static_cast<char*>(to) + n, reinterpret_cast<const void*>(at), some);
    n += some;
  }
  return n;
}

/// The image's data, which includes the boot stacks; the tasks' stacks are found among the mapped pages.
void kmem_port_each_root(void (*visit)(void*, const char*, const uint64_t*, size_t), void* arg, const void* stack) {
  const auto page = [&](uint64_t at) {
    visit(arg, reinterpret_cast<const char*>(at), reinterpret_cast<const uint64_t*>(at), kPageSize / 8);
  };
  const uint64_t data = reinterpret_cast<uint64_t>(bare_image_data) & ~(kPageSize - 1);
  for (uint64_t at = data; at < reinterpret_cast<uint64_t>(bare_image_end); at += kPageSize)
    if (is_mapped(at)) page(at);
  const uint64_t top = reinterpret_cast<uint64_t>(stack);
  visit(arg, static_cast<const char*>(stack), static_cast<const uint64_t*>(stack), (kPageSize - top % kPageSize) / 8);
  for (uint64_t at = (top | (kPageSize - 1)) + 1; is_mapped(at); at += kPageSize) page(at);
}
}
