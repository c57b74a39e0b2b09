#pragma once
// What a module leaves behind when it has been unloaded.

#include <cstddef>
#include <set>
#include <string>

struct module;

namespace kmem::driver_host {

/// What is mapped by vmalloc() and its kin, a line each.
struct Held {
  std::set<std::string> areas;
  static Held now();
};

/// Writes which places allocated what nobody can reach any more, now that the module's variables count no longer; and what is
/// mapped and was not `before`.  Null: its file is closed already.  How many bytes that is.
size_t report_lost(module* unloaded, const Held& before);

/// Says how many mistakes of the driver were reported; false: none.
bool say_mistakes();

}  // namespace kmem::driver_host
