#include "program.h"

#include <elf.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "failure.h"

#ifndef KMEM_INSTALLED_LIBDIR
#define KMEM_INSTALLED_LIBDIR "lib"
#define KMEM_SOVERSION ".0"
#endif

namespace kmem::tool {
namespace {

namespace fs = std::filesystem;

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_executable(const std::string& path) { return is_file(path) && access(path.c_str(), X_OK) == 0; }

// ---- ELF ----

struct Elf {
  Elf64_Ehdr header{};
  bool has_interpreter = false;  // the dynamic linker
};

/// Nothing where the file is no ELF file; of a file for another word size only the header's beginning is right.
std::optional<Elf> read_elf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Elf elf;
  if (!file.read(reinterpret_cast<char*>(&elf.header), sizeof elf.header)) return {};
  if (std::memcmp(elf.header.e_ident, ELFMAG, SELFMAG) != 0) return {};
  if (elf.header.e_ident[EI_CLASS] != ELFCLASS64) return elf;
  for (unsigned i = 0; i < elf.header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    file.seekg(static_cast<std::streamoff>(elf.header.e_phoff + i * sizeof segment));
    if (!file.read(reinterpret_cast<char*>(&segment), sizeof segment)) break;
    if (segment.p_type == PT_INTERP) elf.has_interpreter = true;
  }
  return elf;
}

bool same_machine(const Elf& a, const Elf& b) {
  const auto* x = a.header.e_ident;
  const auto* y = b.header.e_ident;
  return x[EI_CLASS] == y[EI_CLASS] && x[EI_DATA] == y[EI_DATA] && a.header.e_machine == b.header.e_machine;
}

void check_elf(const std::string& path, const Elf& elf) {
  const auto own = read_elf("/proc/self/exe");
  if (own && !same_machine(elf, *own))
    throw Failure(fmt::format("{} is made for another kind of machine than libkmem-malloc.so; build kmem for it", path));
  if (!elf.has_interpreter)
    throw Failure(
        fmt::format("{} is statically linked: no library can be preloaded into it; link it with -lkmem-malloc", path));
}

/// The kernel starts such programs in secure mode, in which LD_PRELOAD with a path is ignored.
void check_rights(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) return;
  const bool other_user = (file.st_mode & S_ISUID) && file.st_uid != getuid();
  const bool other_group = (file.st_mode & S_ISGID) && (file.st_mode & S_IXGRP) && file.st_gid != getgid();
  const bool capable = getuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
  const char* what = other_user ? "set-user-ID" : other_group ? "set-group-ID" : capable ? "given capabilities" : nullptr;
  if (!what) return;
  throw Failure(
      fmt::format("{} is {}: the system lets no library be preloaded into it; "
                  "run it as the user whose rights it takes, or run a copy without them",
                  path, what));
}

/// The interpreter that the first line of a script names; empty where there is none.
std::string interpreter_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line, interpreter;
  if (!std::getline(file, line) || line.compare(0, 2, "#!") != 0) return {};
  std::istringstream(line.substr(2)) >> interpreter;
  return interpreter;
}

// ---- the library ----

const std::string kLibrary = "libkmem-malloc.so";

std::string own_folder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) throw Failure("cannot tell where kmem itself is (/proc is not mounted?); name the library with --library");
  return self.parent_path();
}

std::vector<std::string> library_places() {
  const std::string here = own_folder();
  std::vector<std::string> places{here};
  const std::string libdir = KMEM_INSTALLED_LIBDIR;
  places.push_back(libdir[0] == '/' ? libdir : here + "/../" + libdir);
#ifdef __x86_64__
  places.push_back(here + "/../lib/x86_64-linux-gnu");
#elif defined __aarch64__
  places.push_back(here + "/../lib/aarch64-linux-gnu");
#endif
  places.push_back(here + "/../lib64");
  places.push_back(here + "/../lib");
  return places;
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (access(name.c_str(), F_OK) != 0) throw Failure(kNotFound, fmt::format("{}: {}", name, std::strerror(errno)));
    if (!is_executable(name)) throw Failure(kNotExecutable, fmt::format("{} cannot be executed", name));
    return name;
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/bin:/usr/bin");
  bool seen = false;
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (is_executable(candidate)) return candidate;
    seen = seen || is_file(candidate);
  }
  if (seen) throw Failure(kNotExecutable, fmt::format("{} is in PATH but cannot be executed", name));
  throw Failure(kNotFound, fmt::format("{} is not found in PATH", name));
}

void check_preloadable(const std::string& path) {
  std::string file = path;
  for (int depth = 0; depth < 5 && !file.empty(); ++depth) {  // as deep as the kernel follows scripts
    if (const auto elf = read_elf(file)) {
      check_elf(file, *elf);
      check_rights(file);
      return;
    }
    file = interpreter_of(file);
  }
}

std::string find_library(const std::string& wanted) {
  std::string found = wanted;
  std::string looked;
  if (wanted.empty()) {
    for (const std::string& place : library_places()) {
      looked += "\n  " + place + "/" + kLibrary;
      // Without the version is the name of who develops with it: where only programs run, it is not installed.
      for (const std::string& candidate : {place + "/" + kLibrary, place + "/" + kLibrary + KMEM_SOVERSION})
        if (found.empty() && is_file(candidate)) found = candidate;
    }
  }
  if (found.empty()) throw Failure("libkmem-malloc.so is not found; name it with --library.  Looked for:" + looked);
  if (!is_file(found)) throw Failure(fmt::format("{} is not there", found));
  found = fs::absolute(found).lexically_normal();  // a link stays one: an update then reaches who starts later
  if (found.find_first_of(": \t\n") != std::string::npos)
    throw Failure(fmt::format("{}: LD_PRELOAD cannot carry a name with blanks or colons; move or link it", found));
  return found;
}

}  // namespace kmem::tool
