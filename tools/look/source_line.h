#pragma once
// The file and the line of an address of code, by libdw.

#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <string>

namespace kmem::tool {

struct SourceLine {
  std::string file;  // empty: not known
  int line = 0;
};

/// In a module without an index of its addresses, as clang leaves it: unit by unit.
inline SourceLine search_line(Dwfl_Module* module, Dwarf_Addr at) {
  SourceLine found;
  Dwarf_Addr bias = 0;
  for (Dwarf_Die* unit = nullptr; (unit = dwfl_module_nextcu(module, unit, &bias));) {
    if (dwarf_haspc(unit, at - bias) <= 0) continue;
    Dwarf_Line* line = dwarf_getsrc_die(unit, at - bias);
    if (const char* file = line ? dwarf_linesrc(line, nullptr, nullptr) : nullptr) found.file = file;
    if (line) dwarf_lineno(line, &found.line);
    break;
  }
  return found;
}

inline SourceLine source_line(Dwfl_Module* module, Dwarf_Addr at) {
  Dwfl_Line* line = dwfl_module_getsrc(module, at);
  if (!line) return search_line(module, at);
  SourceLine found;
  if (const char* file = dwfl_lineinfo(line, nullptr, &found.line, nullptr, nullptr, nullptr)) found.file = file;
  return found;
}

}  // namespace kmem::tool
