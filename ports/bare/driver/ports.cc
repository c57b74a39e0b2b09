// I/O ports: the processor's. arm64 has none: nobody answers there.

#include <linux/io.h>

#include "base/types.h"

namespace {

#if defined(__x86_64__) || defined(__i386__)
template <typename T>
T in(unsigned long port) {
  T value;
  if constexpr (sizeof(T) == 1) asm volatile("inb %1, %0" : "=a"(value) : "Nd"(static_cast<uint16_t>(port)));
  else if constexpr (sizeof(T) == 2) asm volatile("inw %1, %0" : "=a"(value) : "Nd"(static_cast<uint16_t>(port)));
  else asm volatile("inl %1, %0" : "=a"(value) : "Nd"(static_cast<uint16_t>(port)));
  return value;
}
template <typename T>
void out(T value, unsigned long port) {
  if constexpr (sizeof(T) == 1) asm volatile("outb %0, %1" : : "a"(value), "Nd"(static_cast<uint16_t>(port)));
  else if constexpr (sizeof(T) == 2) asm volatile("outw %0, %1" : : "a"(value), "Nd"(static_cast<uint16_t>(port)));
  else asm volatile("outl %0, %1" : : "a"(value), "Nd"(static_cast<uint16_t>(port)));
}
#else
template <typename T>
T in(unsigned long) {
  return static_cast<T>(~T{0});
}
template <typename T>
void out(T, unsigned long) {}
#endif
template <typename T>
void in_all(unsigned long port, void* to, unsigned long n) {
  for (auto* t = static_cast<T*>(to); n--; ++t) *t = in<T>(port);
}
template <typename T>
void out_all(unsigned long port, const void* from, unsigned long n) {
  for (auto* f = static_cast<const T*>(from); n--; ++f) out<T>(*f, port);
}

}  // namespace

extern "C" {

unsigned char inb(unsigned long port) noexcept { return in<uint8_t>(port); }
unsigned short inw(unsigned long port) noexcept { return in<uint16_t>(port); }
unsigned int inl(unsigned long port) noexcept { return in<uint32_t>(port); }
void outb(unsigned char value, unsigned long port) noexcept { out<uint8_t>(value, port); }
void outw(unsigned short value, unsigned long port) noexcept { out<uint16_t>(value, port); }
void outl(unsigned int value, unsigned long port) noexcept { out<uint32_t>(value, port); }
void insb(unsigned long port, void* to, unsigned long n) noexcept { in_all<uint8_t>(port, to, n); }
void insw(unsigned long port, void* to, unsigned long n) noexcept { in_all<uint16_t>(port, to, n); }
void insl(unsigned long port, void* to, unsigned long n) noexcept { in_all<uint32_t>(port, to, n); }
void outsb(unsigned long port, const void* from, unsigned long n) noexcept { out_all<uint8_t>(port, from, n); }
void outsw(unsigned long port, const void* from, unsigned long n) noexcept { out_all<uint16_t>(port, from, n); }
void outsl(unsigned long port, const void* from, unsigned long n) noexcept { out_all<uint32_t>(port, from, n); }

/// readb() is an access to memory here, which cannot reach a port.
void* ioport_map(unsigned long, unsigned) noexcept { return nullptr; }
void ioport_unmap(void*) noexcept {}

}  // extern "C"
