#include "symbols.h"

#include <fmt/format.h>

#ifdef KMEM_HAS_LIBDW

#include <cxxabi.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "jit_names.h"
#include "source_line.h"

namespace kmem::tool {
namespace {

const char* last_part(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash ? slash + 1 : path;
}

std::string readable(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(symbol, nullptr, nullptr, &status), std::free);
  return status == 0 ? plain.get() : symbol;
}

/// As /proc/PID/maps has them; files as the process sees them, which may be in a container.
std::string mappings(const Target& target) {
  std::string text;
  std::map<std::string, size_t> files;  // a number for each, in the place of the inode's
  for (const Range& r : target.ranges())
    text +=
        fmt::format("{:x}-{:x} {}{}{}p {:08x} 00:00 {} {}{}\n", r.from, r.to, r.readable ? 'r' : '-', r.writable ? 'w' : '-',
                    r.executable ? 'x' : '-', r.offset, r.is_file() ? files.emplace(r.path, files.size() + 1).first->second : 0,
                    r.is_file() && !target.is_core() ? fmt::format("/proc/{}/root", target.pid()) : "", r.path);
  return text;
}

}  // namespace

struct Symbols::Inside {
  JitNames generated;
  Dwfl* dwfl = nullptr;
};

Symbols::Symbols(const Target& target) : inside_(new Inside{JitNames(target)}) {
  static const Dwfl_Callbacks kCallbacks = {dwfl_linux_proc_find_elf, dwfl_standard_find_debuginfo, nullptr, nullptr};
  inside_->dwfl = dwfl_begin(&kCallbacks);
  std::string text = mappings(target);
  std::FILE* file = inside_->dwfl ? fmemopen(text.data(), text.size(), "r") : nullptr;
  if (!file) return;
  dwfl_linux_proc_maps_report(inside_->dwfl, file);
  dwfl_report_end(inside_->dwfl, nullptr, nullptr);
  std::fclose(file);
}

Symbols::~Symbols() {
  if (inside_->dwfl) dwfl_end(inside_->dwfl);
}

std::string Symbols::name(uint64_t address, bool call) const {
  const Dwarf_Addr at = address - call;
  Dwfl_Module* module = inside_->dwfl ? dwfl_addrmodule(inside_->dwfl, at) : nullptr;
  if (!module) return fmt::format("{:#x}", address);
  Dwarf_Addr bias = 0;
  dwfl_module_getelf(module, &bias);
  const char* path = dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  const char* symbol = dwfl_module_addrname(module, at);
  std::string text = symbol ? readable(symbol) : "?";
  if (const SourceLine source = source_line(module, at); !source.file.empty())
    text += fmt::format("  {}:{}", last_part(source.file.c_str()), source.line);
  return text + fmt::format("  ({}+{:#x})", path ? last_part(path) : "?", address - bias);
}

namespace {

std::string name_of(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  const char* linkage = dwarf_formstring(dwarf_attr_integrate(&die, DW_AT_linkage_name, &attribute));
  if (linkage) return readable(linkage);
  const char* plain = dwarf_diename(&die);
  return plain ? plain : "?";
}

/// Where the inlined function was called.
void move_to_call(Dwarf_Die& die, Symbols::Frame& frame) {
  Dwarf_Attribute attribute;
  Dwarf_Word line = 0, file = 0;
  Dwarf_Die unit;
  Dwarf_Files* files = nullptr;
  size_t nr = 0;
  if (dwarf_formudata(dwarf_attr(&die, DW_AT_call_line, &attribute), &line) == 0) frame.line = static_cast<int>(line);
  if (dwarf_formudata(dwarf_attr(&die, DW_AT_call_file, &attribute), &file) != 0 ||
      !dwarf_diecu(&die, &unit, nullptr, nullptr) || dwarf_getsrcfiles(&unit, &files, &nr) != 0)
    return;
  if (const char* name = dwarf_filesrc(files, file, nullptr, nullptr)) frame.file = name;
}

/// The inlined functions at an address, without the function that they are in.
std::vector<Symbols::Frame> inlined(Dwfl_Module* module, Dwarf_Addr at, Symbols::Frame& place) {
  std::vector<Symbols::Frame> found;
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = dwfl_module_addrdie(module, at, &bias);
  Dwarf_Die *scopes = nullptr, *outer = nullptr;
  const int nr = unit ? dwarf_getscopes(unit, at - bias, &scopes) : 0;
  const int nr_outer = nr > 0 ? dwarf_getscopes_die(&scopes[0], &outer) : 0;
  for (int i = 0; i < nr_outer && dwarf_tag(&outer[i]) != DW_TAG_subprogram; ++i) {
    if (dwarf_tag(&outer[i]) != DW_TAG_inlined_subroutine) continue;
    found.push_back({name_of(outer[i]), place.file, place.line});
    move_to_call(outer[i], place);
  }
  std::free(scopes);
  std::free(outer);
  return found;
}

}  // namespace

std::vector<Symbols::Frame> Symbols::frames(uint64_t address) const {
  const Dwarf_Addr at = address - 1;
  Dwfl_Module* module = inside_->dwfl ? dwfl_addrmodule(inside_->dwfl, at) : nullptr;
  if (!module) {
    const std::string generated = inside_->generated.at(at);
    return {{generated.empty() ? fmt::format("{:#x}", address) : generated, {}, 0}};
  }
  const SourceLine source = source_line(module, at);
  Frame place{{}, source.file, source.line};
  std::vector<Frame> all = inlined(module, at, place);
  const char* symbol = dwfl_module_addrname(module, at);
  const char* path = dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  Dwarf_Addr bias = 0;
  dwfl_module_getelf(module, &bias);
  place.function = symbol ? readable(symbol) : fmt::format("{}+{:#x}", path ? last_part(path) : "?", at - bias);
  all.push_back(place);
  return all;
}

std::string Symbols::data(uint64_t address) const {
  Dwfl_Module* module = inside_->dwfl ? dwfl_addrmodule(inside_->dwfl, address) : nullptr;
  if (!module) return {};
  GElf_Off offset = 0;
  GElf_Sym symbol;
  const char* name = dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
  if (!name || offset > symbol.st_size) return {};
  return offset ? fmt::format("{}+{:#x}", readable(name), offset) : readable(name);
}

}  // namespace kmem::tool

#else

namespace kmem::tool {
struct Symbols::Inside {};
Symbols::Symbols(const Target&) {}
Symbols::~Symbols() = default;
std::string Symbols::name(uint64_t address, bool) const { return fmt::format("{:#x}", address); }
std::vector<Symbols::Frame> Symbols::frames(uint64_t address) const { return {{fmt::format("{:#x}", address), {}, 0}}; }
std::string Symbols::data(uint64_t) const { return {}; }
}  // namespace kmem::tool

#endif
