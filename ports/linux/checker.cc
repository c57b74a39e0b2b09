// Checkers of every access of the process: valgrind's memcheck, and AddressSanitizer if kmem is built with it.
//
// Valgrind recognises an instruction sequence without effect, with a request in rax (documented in valgrind/valgrind.h);
// AddressSanitizer has functions.

#include "linux_port.h"
#include "port/port.h"

// AddressSanitizer's functions; weak, because only kmem or a driver's module may be built with it.
extern "C" {
__attribute__((weak)) void __asan_poison_memory_region(void const volatile* address, size_t bytes);
__attribute__((weak)) void __asan_unpoison_memory_region(void const volatile* address, size_t bytes);
}

namespace linux_port {
namespace {

enum Request : uint64_t {
  MallocLike = 0x1301,
  FreeLike = 0x1302,
  MakeNoAccess = 0x4d430000,  // memcheck's own: 'M', 'C'
  MakeUndefined = 0x4d430001,
  MakeDefined = 0x4d430002,
};

/// Sends a request to valgrind; returns `otherwise` without it.
[[maybe_unused]] uint64_t ask(uint64_t otherwise, Request request, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0,
                              uint64_t d = 0) {
#if defined(__x86_64__)
  const volatile uint64_t words[6] = {request, a, b, c, d, 0};
  uint64_t answer = otherwise;
  asm volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\txchgq %%rbx, %%rbx"
               : "+d"(answer)
               : "a"(&words[0])
               : "cc", "memory");
  return answer;
#else
  (void)request, (void)a, (void)b, (void)c, (void)d;  // valgrind's sequence for this processor is not written yet
  return otherwise;
#endif
}

}  // namespace

bool under_memcheck = false;

kmem::Checker find_checker() {
  if (__asan_poison_memory_region) return kmem::Checker::AddressSanitizer;
  // True only for memcheck: other tools of valgrind count instructions, and must see the normal code.
  uint64_t word = 0;
  under_memcheck = ask(0, MakeDefined, reinterpret_cast<uint64_t>(&word), sizeof word) == ~uint64_t{0};
  return under_memcheck ? kmem::Checker::Valgrind : kmem::Checker::None;
}

}  // namespace linux_port

extern "C" void kmem_port_tell(kmem::Tell what, const void* address, size_t bytes) {
  if (__asan_poison_memory_region) {
    const bool closed = what == kmem::Tell::Closed || what == kmem::Tell::Taken;
    return closed ? __asan_poison_memory_region(address, bytes) : __asan_unpoison_memory_region(address, bytes);
  }
  using namespace linux_port;
  const auto at = reinterpret_cast<uint64_t>(address);
  switch (what) {
    case kmem::Tell::Closed: ask(0, MakeNoAccess, at, bytes); break;
    case kmem::Tell::Open: ask(0, MakeDefined, at, bytes); break;
    case kmem::Tell::Given: ask(0, MallocLike, at, bytes, 0, 0); break;
    case kmem::Tell::GivenWhole: ask(0, MallocLike, at, bytes, 0, 1); break;
    case kmem::Tell::Taken: ask(0, FreeLike, at, 0); break;
  }
}
