#pragma once
#include <string>

namespace kmem::tool {

/// Prints a saved report on standard output as the kernel would: `what` is slabinfo, buddyinfo, zoneinfo,
/// pagetypeinfo, meminfo or json; "report" is the text that `kmem run --report` prints.
void show(const std::string& what, const std::string& file, int pid);

}  // namespace kmem::tool
