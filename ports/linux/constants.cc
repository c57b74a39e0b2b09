// Constant memory: the parts of the program and its libraries that were loaded read-only.

#include <dlfcn.h>
#include <elf.h>
#include <string.h>

#include "linux_port.h"
#include "port/port.h"

namespace linux_port {
namespace {

/// By the program headers in the file's first page; false if they are not mapped.
bool is_of_constant_part(const Elf64_Ehdr& header, uintptr_t map_start, uintptr_t at) {
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_phentsize != sizeof(Elf64_Phdr) ||
      header.e_phoff + header.e_phnum * sizeof(Elf64_Phdr) > kmem::kPageSize)
    return false;
  const auto* part = reinterpret_cast<const Elf64_Phdr*>(map_start + header.e_phoff);
  const auto* const end = part + header.e_phnum;
  const Elf64_Phdr* first = part;
  while (first < end && first->p_type != PT_LOAD) ++first;
  if (first == end) return false;
  const uintptr_t bias = map_start - (first->p_vaddr & ~(kmem::kPageSize - 1));
  for (; part < end; ++part)
    if (part->p_type == PT_LOAD && at - bias - part->p_vaddr < part->p_memsz) return !(part->p_flags & PF_W);
  return false;
}

}  // namespace
}  // namespace linux_port

// The dynamic linker answers without a lock, in handlers too.
bool kmem_port_is_constant(const void* address) {
  dl_find_object found;
  if (_dl_find_object(const_cast<void*>(address), &found)) return false;
  const auto start = reinterpret_cast<uintptr_t>(found.dlfo_map_start);
  return linux_port::is_of_constant_part(*reinterpret_cast<const Elf64_Ehdr*>(start), start,
                                         reinterpret_cast<uintptr_t>(address));
}
