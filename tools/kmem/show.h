#pragma once
#include <string>

namespace kmem::tool {

/// Prints a saved report on standard output as the kernel would: `what` is slabinfo, buddyinfo, zoneinfo,
/// pagetypeinfo, meminfo or json; "report" is the text that `kmem run --report` prints.
void show(const std::string& what, const std::string& file, int pid);
/// The same of a process that runs, or of a core.
void show_live(const std::string& what, const std::string& target, const std::string& module);

}  // namespace kmem::tool
