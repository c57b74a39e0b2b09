#include "modules.h"

#include <kmem/driver.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace kmem::driver_host {

bool Modules::load(const std::vector<Wanted>& wanted, bool report) {
  before_ = Held::now();
  for (const Wanted& one : wanted) {
    const std::string path = one.file.find('/') == std::string::npos ? "./" + one.file : one.file;
    module* inserted = nullptr;
    if (const int error = kmem_driver_insert(path.c_str(), one.parameters.c_str(), &inserted)) {
      std::fprintf(stderr, "kmem driver: %s is not loaded: %s\n", one.file.c_str(), std::strerror(-error));
      if (report) lost_bytes_ += report_lost(nullptr, before_);
      unload(report);
      return false;
    }
    loaded_.push_back(inserted);
  }
  return true;
}

int Modules::unload(bool report) {
  while (!loaded_.empty()) {
    module* last = loaded_.back();
    const int error = kmem_driver_unload(last);
    if (error) return error;
    if (report) lost_bytes_ += report_lost(last, before_);
    loaded_.pop_back();
  }
  return 0;
}

}  // namespace kmem::driver_host
