// Stack traces without frame pointers, unwind tables, allocation or locks.
//
// An unwinder would take the dynamic linker's lock and allocate, and most code has no frame pointers.  So the stack is
// scanned: a word is taken for a return address if it lies in code and an instruction that calls stands before it.  As in the
// kernel's traces marked "?", stale addresses of earlier calls can be among them. Only reports use this, and unmapped memory is
// not read. The only system call is futex, because a sandbox may kill the process for others.

#include <dlfcn.h>
#include <elf.h>
#include <linux/futex.h>
#include <string.h>
#include <unistd.h>

#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "linux_port.h"
#include "port/port.h"

// Bounds of the file that contains kmem, from the linker.
extern "C" __attribute__((visibility("hidden"))) const char __ehdr_start[], etext[];

namespace linux_port {
namespace {

/// The code of the program and its libraries, from the dynamic linker, which answers without a lock, in handlers too. Generated
/// code is not found.
class Code {
 public:
  bool contains(uintptr_t at) {
    if (at >= from_ + kLongestCall && at < to_) return true;
    if (at >= data_from_ && at < data_to_) return false;
    return find(at) && at >= from_ + kLongestCall && at < to_;
  }

 private:
  static constexpr uintptr_t kLongestCall = 8;

  bool find(uintptr_t at) {
    dl_find_object found;
    if (_dl_find_object(reinterpret_cast<void*>(at), &found)) return false;
    const auto start = reinterpret_cast<uintptr_t>(found.dlfo_map_start);
    return is_readable(start) && find_code(start, *reinterpret_cast<const Elf64_Ehdr*>(start), at);
  }

  /// The part of a mapped file that the address lies in, by the program headers in the file's first page: cached as code or as
  /// data.
  bool find_code(uintptr_t start, const Elf64_Ehdr& header, uintptr_t at) {
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_phentsize != sizeof(Elf64_Phdr) ||
        header.e_phoff + header.e_phnum * sizeof(Elf64_Phdr) > kmem::kPageSize)
      return false;
    const auto* part = reinterpret_cast<const Elf64_Phdr*>(start + header.e_phoff);
    const auto* const end = part + header.e_phnum;
    while (part < end && part->p_type != PT_LOAD) ++part;
    if (part == end) return false;
    const uintptr_t bias = start - (part->p_vaddr & ~(kmem::kPageSize - 1));
    for (; part < end; ++part) {
      if (part->p_type != PT_LOAD || at - bias - part->p_vaddr >= part->p_memsz) continue;
      const bool code = part->p_flags & PF_X;
      (code ? from_ : data_from_) = bias + part->p_vaddr;
      (code ? to_ : data_to_) = bias + part->p_vaddr + part->p_memsz;
      return code;
    }
    return false;
  }

  uintptr_t from_ = 0, to_ = 0, data_from_ = 0, data_to_ = 0;  // the last code and data range that was found
};

#if defined(__aarch64__)
/// Does a call end just before `at`?  BL; BLR.
bool follows_a_call(uintptr_t at) {
  uint32_t code;
  if (at % sizeof code) return false;
  memcpy(&code, reinterpret_cast<const void*>(at - sizeof code), sizeof code);
  return (code & 0xfc000000) == 0x94000000 || (code & 0xfffffc1f) == 0xd63f0000;
}
#else
/// Does a call end just before `at`?  call rel32; call r/m with and without displacement.
bool follows_a_call(uintptr_t at) {
  const auto* code = reinterpret_cast<const unsigned char*>(at - 8);
  const auto indirect = [&](unsigned i) { return code[i] == 0xff && (code[i + 1] & 0x38) == 0x10; };
  return code[3] == 0xe8 || indirect(6) || indirect(5) || indirect(2) || indirect(1);
}
#endif

}  // namespace

// FUTEX_CMP_REQUEUE compares the word before it wakes any waiter, and there is none: so the kernel reads the word, or returns
// EFAULT. No other call that sandboxes generally allow can test that.
bool is_readable(uintptr_t at) {
  static uint32_t nobody;
  const KeepErrno keep;
  at &= ~uintptr_t{3};
  return syscall(SYS_futex, at, FUTEX_CMP_REQUEUE_PRIVATE, 0, nullptr, &nobody, 0) >= 0 || errno == EAGAIN;
}

size_t copy_from_process(uintptr_t at, void* to, size_t bytes) {
  iovec into{to, bytes}, from{reinterpret_cast<void*>(at), bytes};
  // The last argument is passed on the stack, as 64 bits.
  const long got = syscall(SYS_process_vm_readv, kmem_port_process_id(), &into, 1ul, &from, 1ul, 0ul);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

// Reads the callers' variables, some of which were never written: so without sanitizers, and under memcheck by a system call.
__attribute__((no_sanitize("address", "thread"))) size_t StackReader::read(uintptr_t at, void* to, size_t bytes) {
  if (under_memcheck) return copy_from_process(at, to, bytes);
  auto* out = static_cast<volatile unsigned char*>(to);
  for (size_t i = 0; i < bytes; ++i) {
    const uintptr_t page = (at + i) & ~(kmem::kPageSize - 1);
    if (page != known_ && !is_readable(page)) return i;
    known_ = page;
    out[i] = *reinterpret_cast<const volatile unsigned char*>(at + i);
  }
  return bytes;
}

// kmem's own code keeps frame pointers: while return addresses lie in it, the callers are certain, and stale addresses between
// its frames are skipped.
unsigned scan_stack(void** frames, unsigned max) {
  constexpr uintptr_t kMostBytes = 1 << 20;  // of one frame
  auto frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  uintptr_t top = frame;
  StackReader stack;
  Code code;
  unsigned n = 0;
  for (uintptr_t words[2]; n < max && stack.read(frame, words, sizeof words) == sizeof words; frame = words[0]) {
    const uintptr_t back = words[1];
    if (!code.contains(back) || !follows_a_call(back)) break;
    frames[n++] = reinterpret_cast<void*>(back);
    top = frame + sizeof words;
    const bool ours = back >= reinterpret_cast<uintptr_t>(__ehdr_start) && back < reinterpret_cast<uintptr_t>(etext);
    if (!ours || words[0] <= frame || words[0] - frame > kMostBytes) break;
  }
  return n + scan_stack_from(top, frames + n, max - n);
}

unsigned scan_stack_from(uintptr_t top, void** frames, unsigned max) {
  constexpr size_t kWords = 1024;  // 8 KiB of stack
  constexpr size_t kAtOnce = 64;
  StackReader stack;
  Code code;
  unsigned n = 0;
  for (size_t done = 0; done < kWords && n < max; done += kAtOnce) {
    uintptr_t words[kAtOnce];
    const size_t got = stack.read(top + done * sizeof *words, words, sizeof words) / sizeof *words;
    if (!got) break;
    for (size_t i = 0; i < got && n < max; ++i)
      if (code.contains(words[i]) && follows_a_call(words[i])) frames[n++] = reinterpret_cast<void*>(words[i]);
  }
  return n;
}

}  // namespace linux_port

// In a program that kmem is linked into, its own code is between the program's.
unsigned kmem_port_own_frames(void* const* frames, unsigned nr) {
  const auto from = reinterpret_cast<uintptr_t>(__ehdr_start), to = reinterpret_cast<uintptr_t>(etext);
  if (getauxval(AT_PHDR) - from < to - from) return 0;
  unsigned own = 0;
  while (own < nr && reinterpret_cast<uintptr_t>(frames[own]) - from < to - from) ++own;
  return own;
}
