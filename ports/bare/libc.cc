// The functions to which compilers generate calls.

#include "base/memory.h"
#include "base/types.h"

extern "C" {
#if defined(__x86_64__) || defined(__i386__)
void* memcpy(void* __restrict to, const void* __restrict from, size_t n) noexcept {
  void* at = to;
  asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
  return to;
}
void* memset(void* at, int byte, size_t n) noexcept {
  void* to = at;
  size_t words = n / sizeof(size_t);
  const size_t pattern = ~size_t{0} / 255 * static_cast<unsigned char>(byte);
  asm volatile(
#ifdef __x86_64__
      "rep stosq"
#else
      "rep stosl"
#endif
      : "+D"(to), "+c"(words)
      : "a"(pattern)
      : "memory");
  n %= sizeof(size_t);
  asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
  return at;
}
#elif defined(__aarch64__)
// In assembler, so that the compiler does not make them calls of themselves.
void* memcpy(void* __restrict to, const void* __restrict from, size_t n) noexcept {
  void* at = to;
  uint64_t a, b;
  asm volatile(
      "1: subs %[n], %[n], 16\n\t"
      "b.lo 2f\n\t"
      "ldp %[a], %[b], [%[from]], 16\n\t"
      "stp %[a], %[b], [%[at]], 16\n\t"
      "b 1b\n"
      "2: adds %[n], %[n], 16\n\t"
      "b.eq 4f\n"
      "3: ldrb %w[a], [%[from]], 1\n\t"
      "strb %w[a], [%[at]], 1\n\t"
      "subs %[n], %[n], 1\n\t"
      "b.ne 3b\n"
      "4:"
      : [at] "+r"(at), [from] "+r"(from), [n] "+r"(n), [a] "=&r"(a), [b] "=&r"(b)
      :
      : "cc", "memory");
  return to;
}
void* memset(void* to, int byte, size_t n) noexcept {
  void* at = to;
  asm volatile(
      "1: subs %[n], %[n], 16\n\t"
      "b.lo 2f\n\t"
      "stp %[pattern], %[pattern], [%[at]], 16\n\t"
      "b 1b\n"
      "2: adds %[n], %[n], 16\n\t"
      "b.eq 4f\n"
      "3: strb %w[pattern], [%[at]], 1\n\t"
      "subs %[n], %[n], 1\n\t"
      "b.ne 3b\n"
      "4:"
      : [at] "+r"(at), [n] "+r"(n)
      : [pattern] "r"(~uint64_t{0} / 255 * static_cast<unsigned char>(byte))
      : "cc", "memory");
  return to;
}
#endif

void* memmove(void* to, const void* from, size_t n) noexcept {
  auto* t = static_cast<unsigned char*>(to);
  const auto* f = static_cast<const unsigned char*>(from);
  if (t <= f || t >= f + n) return memcpy(to, from, n);
  while (n--) {
    t[n] = f[n];
    asm volatile("" : : : "memory");  // keeps the compiler from making it a call of memmove()
  }
  return to;
}

int memcmp(const void* a, const void* b, size_t n) noexcept {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (size_t i = 0; i < n; ++i)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}
}
