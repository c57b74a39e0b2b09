// The host's clocks, read in the vDSO: the kernel's own code in our address space, which no library can replace.
//
// libfaketime gives a program a different time, which may stand still; deadlines and rates here need the real time, by which
// the kernel waits.

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#include "host_call.h"
#include "linux_port.h"
#include "port/port.h"

namespace linux_port {
namespace {

#if defined(__aarch64__)
constexpr const char* kName = "__kernel_clock_gettime";
#else
constexpr const char* kName = "__vdso_clock_gettime";
#endif

using Clock = int (*)(clockid_t, timespec*);
Clock clock_of_vdso = nullptr;

/// The tables of an ELF image that the kernel mapped: their addresses are those of the file.
struct Tables {
  uintptr_t shift = 0;  // from the file's addresses to ours
  const ElfW(Sym) * symbols = nullptr;
  const char* names = nullptr;
  const uint32_t* hash = nullptr;
};

void read_dynamic(const ElfW(Dyn) * entry, Tables& tables) {
  for (; entry->d_tag != DT_NULL; ++entry) {
    const uintptr_t at = tables.shift + entry->d_un.d_ptr;
    if (entry->d_tag == DT_SYMTAB) tables.symbols = reinterpret_cast<const ElfW(Sym)*>(at);
    if (entry->d_tag == DT_STRTAB) tables.names = reinterpret_cast<const char*>(at);
    if (entry->d_tag == DT_HASH) tables.hash = reinterpret_cast<const uint32_t*>(at);
  }
}

Tables read_tables(uintptr_t image) {
  Tables tables;
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(image);
  const auto* parts = reinterpret_cast<const ElfW(Phdr)*>(image + header->e_phoff);
  const ElfW(Phdr)* dynamic = nullptr;
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    if (parts[i].p_type == PT_LOAD) tables.shift = image + parts[i].p_offset - parts[i].p_vaddr;
    if (parts[i].p_type == PT_DYNAMIC) dynamic = &parts[i];
  }
  if (dynamic) read_dynamic(reinterpret_cast<const ElfW(Dyn)*>(image + dynamic->p_offset), tables);
  return tables;
}

uint64_t read_clock(clockid_t which) {
  timespec now = {};
  if (!clock_of_vdso || clock_of_vdso(which, &now)) host_call(SYS_clock_gettime, which, reinterpret_cast<long>(&now));
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

void find_clock() {
  const uintptr_t image = getauxval(AT_SYSINFO_EHDR);
  if (!image) return;  // an old kernel, or valgrind
  const Tables tables = read_tables(image);
  if (!tables.symbols || !tables.names || !tables.hash) return;
  const uint32_t nr_symbols = tables.hash[1];
  for (uint32_t i = 0; i < nr_symbols; ++i) {
    const ElfW(Sym)& symbol = tables.symbols[i];
    if (symbol.st_shndx == SHN_UNDEF || strcmp(tables.names + symbol.st_name, kName)) continue;
    clock_of_vdso = reinterpret_cast<Clock>(tables.shift + symbol.st_value);
  }
}

}  // namespace linux_port

extern "C" {
uint64_t kmem_port_now_ns() { return linux_port::read_clock(CLOCK_MONOTONIC); }
uint64_t kmem_port_tick_ns() { return linux_port::read_clock(CLOCK_MONOTONIC_COARSE); }
uint32_t kmem_port_process_id() { return static_cast<uint32_t>(linux_port::host_call(SYS_getpid)); }
}
