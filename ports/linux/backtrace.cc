// Who called, without frame pointers, unwind tables, allocation or locks.
//
// An unwinder would take the dynamic linker's lock and allocate, and most code has no frame pointers.  So the stack is
// scanned: a word is taken for a return address if it lies in code and an instruction that calls stands before it.  As in
// the kernel's traces marked "?", an address that an earlier call has left behind can be among them.  Only reports come
// here, and nothing is read that is not there.

#include <sys/uio.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "linux_port.h"

// Bounds of the file that we are part of, by the linker.
extern "C" __attribute__((visibility("hidden"))) const char __ehdr_start[], etext[];

namespace linux_port {
namespace {

struct Range { uintptr_t from, to; };

/// The executable mappings, read from /proc/self/maps in small pieces.
class Code {
 public:
  Code() {
    const long fd = syscall(SYS_openat, -100, "/proc/self/maps", 0x80000 /* O_CLOEXEC */);
    if (fd < 0) return;
    char text[1024];
    size_t kept = 0;
    for (long got; nr_ < kMax && (got = syscall(SYS_read, fd, text + kept, sizeof text - kept)) > 0;)
      kept = take_lines(text, kept + static_cast<size_t>(got), sizeof text);
    syscall(SYS_close, fd);
  }
  bool contains(uintptr_t at) const {
    for (unsigned i = 0; i < nr_; ++i)
      if (at >= ranges_[i].from + 8 && at < ranges_[i].to) return true;
    return false;
  }

 private:
  static constexpr unsigned kMax = 128;

  static uintptr_t hex(const char*& c) {
    uintptr_t value = 0;
    for (;; ++c) {
      if (*c >= '0' && *c <= '9') value = value * 16 + static_cast<uintptr_t>(*c - '0');
      else if (*c >= 'a' && *c <= 'f') value = value * 16 + static_cast<uintptr_t>(*c - 'a' + 10);
      else return value;
    }
  }

  /// Reads whole lines and moves the rest to the front; a line longer than the buffer loses its end.
  size_t take_lines(char* text, size_t bytes, size_t room) {
    size_t start = 0;
    for (size_t i = 0; i < bytes; ++i) {
      if (text[i] != '\n') continue;
      take_line(text + start);
      start = i + 1;
    }
    if (!start && bytes == room) return bytes / 2;
    for (size_t i = start; i < bytes; ++i) text[i - start] = text[i];
    return bytes - start;
  }

  void take_line(const char* c) {
    Range range{};
    range.from = hex(c);
    if (*c++ != '-') return;
    range.to = hex(c);
    if (c[0] == ' ' && c[3] == 'x' && nr_ < kMax) ranges_[nr_++] = range;
  }

  Range ranges_[kMax];
  unsigned nr_ = 0;
};

#if defined(__aarch64__)
/// Does a call end just before `at`?  BL; BLR.
bool follows_a_call(uintptr_t at) {
  uint32_t code;
  if (at % sizeof code || safe_read(at - sizeof code, &code, sizeof code) != sizeof code) return false;
  return (code & 0xfc000000) == 0x94000000 || (code & 0xfffffc1f) == 0xd63f0000;
}
#else
/// Does a call end just before `at`?  call rel32; call r/m with and without displacement.
bool follows_a_call(uintptr_t at) {
  unsigned char code[8];
  if (safe_read(at - sizeof code, code, sizeof code) != sizeof code) return false;
  const auto indirect = [&](unsigned i) { return code[i] == 0xff && (code[i + 1] & 0x38) == 0x10; };
  return code[3] == 0xe8 || indirect(6) || indirect(5) || indirect(2) || indirect(1);
}
#endif

}  // namespace

size_t safe_read(uintptr_t at, void* to, size_t bytes) {
  iovec into{to, bytes}, from{reinterpret_cast<void*>(at), bytes};
  // The last one goes over the stack, all 64 bits of it.
  const long got = syscall(SYS_process_vm_readv, getpid(), &into, 1ul, &from, 1ul, 0ul);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

// Our own code keeps frame pointers: as long as we return into it the callers are known for certain, and what it left on
// the stack before is stepped over.
unsigned scan_stack(void** frames, unsigned max) {
  constexpr uintptr_t kMostBytes = 1 << 20;  // of one frame
  auto frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  uintptr_t top = frame;
  unsigned n = 0;
  for (uintptr_t words[2]; n < max && safe_read(frame, words, sizeof words) == sizeof words; frame = words[0]) {
    const uintptr_t back = words[1];
    if (back < reinterpret_cast<uintptr_t>(__ehdr_start) || back >= reinterpret_cast<uintptr_t>(etext) || !follows_a_call(back)) break;
    frames[n++] = reinterpret_cast<void*>(back);
    top = frame + sizeof words;
    if (words[0] <= frame || words[0] - frame > kMostBytes) break;
  }
  return n + scan_stack_from(top, frames + n, max - n);
}

unsigned scan_stack_from(uintptr_t top, void** frames, unsigned max) {
  constexpr size_t kWords = 1024;  // of stack: 8 KiB
  constexpr size_t kAtOnce = 64;
  const Code code;
  unsigned n = 0;
  for (size_t done = 0; done < kWords && n < max; done += kAtOnce) {
    uintptr_t words[kAtOnce];
    const size_t got = safe_read(top + done * sizeof *words, words, sizeof words) / sizeof *words;
    if (!got) break;
    for (size_t i = 0; i < got && n < max; ++i)
      if (code.contains(words[i]) && follows_a_call(words[i])) frames[n++] = reinterpret_cast<void*>(words[i]);
  }
  return n;
}

}  // namespace linux_port
