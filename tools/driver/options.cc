#include "options.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace kmem::driver_host {
namespace {

class Words {
 public:
  Words(int argc, char** argv) : argc_(argc), argv_(argv) {}
  /// Null behind the last.
  const char* next() { return at_ < argc_ ? argv_[at_++] : nullptr; }
  std::string text() {
    const char* word = next();
    return word ? word : "";
  }

 private:
  int argc_, at_ = 1;
  char** argv_;
};

}  // namespace

bool parse(int argc, char** argv, Options* o) {
  Words words(argc, argv);
  o->mode = words.text();
  while (const char* word = words.next()) {
    const std::string name = word;
    if (name == "--socket") o->socket = words.text();
    else if (name == "--program-kmem") o->environment.kmem = words.text();
    else if (name == "--program-preload") o->environment.preload = words.text();
    else if (name == "--program-asan") o->environment.asan = words.text();
    else if (name == "--times") o->times = static_cast<unsigned>(std::strtoul(words.text().c_str(), nullptr, 10));
    else if (name == "--leaks") o->leaks = true;
    else if (name == "--mistakes-pass") o->mistakes_pass = true;
    else if (name == "--result") o->result = words.text();
    else if (name == "--fail-nth") o->fail_nth = static_cast<unsigned>(std::strtoul(words.text().c_str(), nullptr, 10));
    else if (name == "--module") {
      std::string file = words.text();
      o->modules.push_back({file, words.text()});
    } else if (name == "--") {
      while (const char* rest = words.next()) o->command.emplace_back(rest);
    } else {
      std::fprintf(stderr, "kmem-driver-host: what is %s?\n", word);
      return false;
    }
  }
  return true;
}

}  // namespace kmem::driver_host
