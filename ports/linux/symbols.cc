// The names of functions, read from the files that the code was mapped from: no allocation, no lock of the dynamic linker.
//
// A file's symbol table (.symtab, else .dynsym) is read in pieces, and the function that covers the address is named.

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "linux_port.h"
#include "port/port.h"

namespace linux_port {
namespace {

/// A mapping of a file that covers an address.
struct MappedFile {
  uintptr_t from = 0, offset = 0;
  char path[256] = "";
};

uintptr_t take_hex(const char*& c) {
  uintptr_t value = 0;
  for (;; ++c) {
    if (*c >= '0' && *c <= '9') value = value * 16 + static_cast<uintptr_t>(*c - '0');
    else if (*c >= 'a' && *c <= 'f') value = value * 16 + static_cast<uintptr_t>(*c - 'a' + 10);
    else return value;
  }
}

/// "55d0c8-55d0d1 r-xp 00002000 fe:01 1234   /usr/bin/x": does it cover `at`?
bool covers(const char* line, uintptr_t at, MappedFile& file) {
  file.from = take_hex(line);
  if (*line++ != '-') return false;
  const uintptr_t to = take_hex(line);
  if (at < file.from || at >= to) return false;
  line += strcspn(line + 1, " ") + 2;
  file.offset = take_hex(line);
  const char* path = strchr(line, '/');
  if (!path) return false;
  strncpy(file.path, path, sizeof file.path - 1);
  return true;
}

bool find_mapping(uintptr_t at, MappedFile& file) {
  const long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[1024];
  size_t kept = 0;
  bool found = false;
  for (long got; !found && (got = syscall(SYS_read, fd, text + kept, sizeof text - 1 - kept)) > 0;) {
    const size_t n = kept + static_cast<size_t>(got);
    text[n] = 0;
    char* line = text;
    for (char* end; !found && (end = strchr(line, '\n')) != nullptr; line = end + 1) {
      *end = 0;
      found = covers(line, at, file);
    }
    kept = static_cast<size_t>(text + n - line);
    if (kept == sizeof text - 1) kept = 0;  // skips a line that is longer than the buffer
    memmove(text, line, kept);
  }
  syscall(SYS_close, fd);
  return found;
}

class ElfFile {
 public:
  explicit ElfFile(const char* path) : fd_(static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC))) {
    good_ = fd_ >= 0 && read(0, &header_, sizeof header_) && !memcmp(header_.e_ident, ELFMAG, SELFMAG) &&
            header_.e_ident[EI_CLASS] == ELFCLASS64 && header_.e_shentsize == sizeof(Elf64_Shdr) &&
            header_.e_phentsize == sizeof(Elf64_Phdr);
  }
  ~ElfFile() {
    if (fd_ >= 0) syscall(SYS_close, fd_);
  }
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  bool good() const { return good_; }

  /// The file's own address for its byte at `offset`.
  bool address_of(uintptr_t offset, uintptr_t& address) const {
    for (unsigned i = 0; i < header_.e_phnum; ++i) {
      Elf64_Phdr part;
      if (!read(header_.e_phoff + i * sizeof part, &part, sizeof part)) return false;
      if (part.p_type != PT_LOAD || offset < (part.p_offset & ~uintptr_t{4095}) || offset >= part.p_offset + part.p_filesz)
        continue;
      address = part.p_vaddr + offset - part.p_offset;
      return true;
    }
    return false;
  }

  /// The function that covers the address.
  bool find(uintptr_t address, Elf64_Sym& symbol, uint64_t& names) const {
    constexpr uint32_t kTables[] = {SHT_SYMTAB, SHT_DYNSYM};
    for (const uint32_t type : kTables)
      for (unsigned i = 0; i < header_.e_shnum; ++i) {
        Elf64_Shdr section, strings;
        if (!section_at(i, section) || section.sh_type != type || !section_at(section.sh_link, strings)) continue;
        names = strings.sh_offset;
        if (find_in(section, address, symbol)) return true;
      }
    return false;
  }

  bool read(uint64_t at, void* to, size_t bytes) const {
    return syscall(SYS_pread64, fd_, to, bytes, at) == static_cast<long>(bytes);
  }
  size_t read_name(uint64_t at, char* to, size_t bytes) const {
    const long n = syscall(SYS_pread64, fd_, to, bytes - 1, at);
    to[n > 0 ? n : 0] = 0;
    return strlen(to);
  }

 private:
  bool section_at(unsigned i, Elf64_Shdr& section) const {
    return i < header_.e_shnum && read(header_.e_shoff + uint64_t{i} * sizeof section, &section, sizeof section);
  }
  bool find_in(const Elf64_Shdr& section, uintptr_t address, Elf64_Sym& symbol) const {
    constexpr unsigned kAtOnce = 32;
    Elf64_Sym some[kAtOnce];
    for (uint64_t at = 0; at < section.sh_size; at += sizeof some) {
      const uint64_t left = section.sh_size - at;
      const size_t n = (left < sizeof some ? left : sizeof some) / sizeof *some;
      if (!n || !read(section.sh_offset + at, some, n * sizeof *some)) return false;
      for (size_t i = 0; i < n; ++i) {
        symbol = some[i];
        if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != SHN_UNDEF && address >= symbol.st_value &&
            address - symbol.st_value < symbol.st_size)
          return true;
      }
    }
    return false;
  }

  int fd_;
  bool good_ = false;
  Elf64_Ehdr header_;
};

size_t put_hex(char* out, uintptr_t value) {
  char digits[16];
  size_t n = 0, length = 0;
  do digits[n++] = "0123456789abcdef"[value % 16];
  while (value /= 16);
  while (n) out[length++] = digits[--n];
  return length;
}

}  // namespace
}  // namespace linux_port

extern "C" size_t kmem_port_name_code(const void* code, char* out, size_t bytes) {
  using namespace linux_port;
  const KeepErrno errno_stays;
  constexpr size_t kTail = 40;  // "+0x...../0x....."
  if (bytes) *out = 0;
  if (bytes <= kTail) return 0;
  MappedFile mapping;
  const auto at = reinterpret_cast<uintptr_t>(code);
  if (!find_mapping(at, mapping)) return 0;
  const ElfFile file(mapping.path);
  Elf64_Sym symbol;
  uint64_t names;
  uintptr_t address;
  if (!file.good() || !file.address_of(at - mapping.from + mapping.offset, address) || !file.find(address, symbol, names))
    return 0;
  size_t n = file.read_name(names + symbol.st_name, out, bytes - kTail);
  n += static_cast<size_t>(stpcpy(out + n, "+0x") - (out + n));
  n += put_hex(out + n, address - symbol.st_value);
  n += static_cast<size_t>(stpcpy(out + n, "/0x") - (out + n));
  n += put_hex(out + n, symbol.st_size);
  out[n] = 0;
  return n;
}
