#pragma once
// The modules of this host: loaded in the order in which they were given, unloaded in the other.

#include <string>
#include <vector>

#include "report.h"

namespace kmem::driver_host {

struct Wanted {
  std::string file, parameters;
};

class Modules {
 public:
  /// False: one is not there or refuses; those before it are unloaded again, and it is said why.
  bool load(const std::vector<Wanted>& wanted, bool report);
  /// 0; -EBUSY, and nothing more happens, where one is in use.  Then what they have lost is reported, if asked for.
  int unload(bool report);
  bool is_any_loaded() const { return !loaded_.empty(); }
  size_t lost_bytes() const { return lost_bytes_; }

 private:
  std::vector<module*> loaded_;
  Held before_;
  size_t lost_bytes_ = 0;
};

}  // namespace kmem::driver_host
