// ioremap(), readl() and related functions.

#include <asm/io.h>

#include "sleeping.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

using kmem::AreaFault;
using kmem::IoFault;
using kmem::Trouble;

kmem::IoSpace& io() { return kmem::system().io; }

void* map(uint64_t phys, size_t bytes, kmem::IoWrites writes, const char* how, const void* caller) {
  kmem::check_sleep(how, caller);
  if (!kmem::boot()) return nullptr;
  IoFault fault;
  kmem::TextOf<128> who;
  if (void* p = io().map(phys, bytes, writes, caller, fault, who)) return p;
  // A lack of memory is no mistake of the caller's.
  if (fault == IoFault::Full) {
    kmem::note("%s of %#llx, %zu bytes: %s", how, static_cast<unsigned long long>(phys), bytes, text_of(fault));
    return nullptr;
  }
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Warning, "%s of %#llx, %zu bytes%s%s%s: %s", how,
                           static_cast<unsigned long long>(phys), bytes, who.size() ? " (" : "", who.data(),
                           who.size() ? ")" : "", text_of(fault));
  return nullptr;
}

void report_bad_unmap(const void* p, AreaFault fault) {
  static kmem::RateLimit limit;
  kmem::TextOf<192> name;
  if (fault == AreaFault::Foreign)
    return kmem::bug_report_limited(limit, Trouble::Bug, "iounmap of %p, which is not in the window", p);
  if (fault == AreaFault::Freed || !kmem::system().vmap.describe(p, name))
    return kmem::bug_report_limited(limit, Trouble::Bug,
                                    "iounmap of %p, in the window, where nothing is mapped: unmapped before?", p);
  kmem::bug_report_limited(limit, Trouble::Bug, "iounmap of %p, in %s%s; nothing was unmapped", p, name.data(),
                           fault == AreaFault::Host     ? ", which the host does not unmap"
                           : fault == AreaFault::Inside ? ", which does not begin there"
                                                        : ", which is no mapping of ioremap's");
}

/// Reports an access to a device that is gone; the value is what a bus returns.
KMEM_COLD void report_gone(const volatile void* address, unsigned bytes, const char* what) {
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Bug, "%s of %u bytes at %p, in the window, where nothing is mapped: after iounmap?",
                           what, bytes, const_cast<const void*>(address));
}

// A device that is told by a register of what lies in memory must find it there; what it wrote before a register says so is
// to be read afterwards.
#ifdef __aarch64__
void before_write() { asm volatile("dmb oshst" : : : "memory"); }
void after_read() { asm volatile("dmb oshld" : : : "memory"); }
#else
void before_write() { asm volatile("" : : : "memory"); }
void after_read() { asm volatile("" : : : "memory"); }
#endif

template <typename T>
T read(const volatile void* address) {
  bool gone;
  const T value = io().read<T>(address, gone);
  if (KMEM_UNLIKELY(gone)) report_gone(address, sizeof(T), "read");
  after_read();
  return value;
}

template <typename T>
void write(T value, volatile void* address) {
  bool gone;
  before_write();
  io().write(value, address, gone);
  if (KMEM_UNLIKELY(gone)) report_gone(address, sizeof(T), "write");
}

template <typename T>
void read_many(const volatile void* address, void* to, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const T value = read<T>(address);
    __builtin_memcpy(static_cast<T*>(to) + i, &value, sizeof value);
  }
}

template <typename T>
void write_many(volatile void* address, const void* from, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    T value;
    __builtin_memcpy(&value, static_cast<const T*>(from) + i, sizeof value);
    write<T>(value, address);
  }
}

/// Calls wide(offset) for each aligned eight bytes of device memory, and narrow(offset) for the bytes at both ends.
template <typename Wide, typename Narrow>
void each_piece(const volatile void* device, size_t bytes, Wide wide, Narrow narrow) {
  size_t i = 0;
  for (; i < bytes && (reinterpret_cast<uintptr_t>(device) + i) % 8; ++i) narrow(i);
  for (; bytes - i >= 8; i += 8) wide(i);
  for (; i < bytes; ++i) narrow(i);
}

volatile char* at(volatile void* p, size_t i) { return static_cast<volatile char*>(p) + i; }
const volatile char* at(const volatile void* p, size_t i) { return static_cast<const volatile char*>(p) + i; }

}  // namespace

#define KMEM_CALLER __builtin_return_address(0)

extern "C" {

void* ioremap(phys_addr_t physical, size_t size) noexcept {
  return map(physical, size, kmem::IoWrites::Single, "ioremap", KMEM_CALLER);
}
void* ioremap_wc(phys_addr_t physical, size_t size) noexcept {
  return map(physical, size, kmem::IoWrites::Combined, "ioremap_wc", KMEM_CALLER);
}
void* ioremap_uc(phys_addr_t physical, size_t size) noexcept {
  return map(physical, size, kmem::IoWrites::Single, "ioremap_uc", KMEM_CALLER);
}
void* ioremap_np(phys_addr_t physical, size_t size) noexcept {
  return map(physical, size, kmem::IoWrites::Single, "ioremap_np", KMEM_CALLER);
}
void* ioremap_wt(phys_addr_t physical, size_t size) noexcept {
  return map(physical, size, kmem::IoWrites::Single, "ioremap_wt", KMEM_CALLER);
}
void* ioremap_cache(phys_addr_t physical, size_t size) noexcept {
  return map(physical, size, kmem::IoWrites::Single, "ioremap_cache", KMEM_CALLER);
}

void iounmap(volatile void* address) noexcept {
  if (!address || !kmem::boot()) return;
  KMEM_MIGHT_SLEEP();
  if (const AreaFault fault = io().unmap(address); fault != AreaFault::None)
    report_bad_unmap(const_cast<void*>(address), fault);
}

u8 readb(const volatile void* address) noexcept { return read<u8>(address); }
u16 readw(const volatile void* address) noexcept { return read<u16>(address); }
u32 readl(const volatile void* address) noexcept { return read<u32>(address); }
u64 readq(const volatile void* address) noexcept { return read<u64>(address); }
void writeb(u8 value, volatile void* address) noexcept { write(value, address); }
void writew(u16 value, volatile void* address) noexcept { write(value, address); }
void writel(u32 value, volatile void* address) noexcept { write(value, address); }
void writeq(u64 value, volatile void* address) noexcept { write(value, address); }

void readsb(const volatile void* address, void* to, unsigned int count) noexcept { read_many<u8>(address, to, count); }
void readsw(const volatile void* address, void* to, unsigned int count) noexcept { read_many<u16>(address, to, count); }
void readsl(const volatile void* address, void* to, unsigned int count) noexcept { read_many<u32>(address, to, count); }
void readsq(const volatile void* address, void* to, unsigned int count) noexcept { read_many<u64>(address, to, count); }
void writesb(volatile void* address, const void* from, unsigned int count) noexcept { write_many<u8>(address, from, count); }
void writesw(volatile void* address, const void* from, unsigned int count) noexcept { write_many<u16>(address, from, count); }
void writesl(volatile void* address, const void* from, unsigned int count) noexcept { write_many<u32>(address, from, count); }
void writesq(volatile void* address, const void* from, unsigned int count) noexcept { write_many<u64>(address, from, count); }

void memcpy_fromio(void* to, const volatile void* from, size_t bytes) noexcept {
  char* out = static_cast<char*>(to);
  each_piece(
      from, bytes,
      [&](size_t i) {
        const u64 value = read<u64>(at(from, i));
        __builtin_memcpy(out + i, &value, sizeof value);
      },
      [&](size_t i) { out[i] = static_cast<char>(read<u8>(at(from, i))); });
}

void memcpy_toio(volatile void* to, const void* from, size_t bytes) noexcept {
  const char* in = static_cast<const char*>(from);
  each_piece(
      to, bytes,
      [&](size_t i) {
        u64 value;
        __builtin_memcpy(&value, in + i, sizeof value);
        write<u64>(value, at(to, i));
      },
      [&](size_t i) { write<u8>(static_cast<u8>(in[i]), at(to, i)); });
}

void memset_io(volatile void* to, int value, size_t bytes) noexcept {
  const auto byte = static_cast<u8>(value);
  each_piece(
      to, bytes, [&](size_t i) { write<u64>(byte * u64{0x0101010101010101}, at(to, i)); },
      [&](size_t i) { write<u8>(byte, at(to, i)); });
}

}  // extern "C"
