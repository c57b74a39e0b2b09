// kmem-driver-host: the process that a module is loaded into.  `kmem driver` starts it; its words are not for people.
//
//   run    [OPTIONS] --module FILE PARAMETERS ... -- PROGRAM ARGUMENTS
//   serve  --socket PATH [OPTIONS] --module FILE PARAMETERS ...
//   join   --socket PATH -- PROGRAM ARGUMENTS
//   stop   --socket PATH
//   kunit  [OPTIONS] --module FILE PARAMETERS ...
//   reload --times N --module FILE PARAMETERS ...
//
// Options: --program-kmem, --program-preload and --program-asan VALUE, what the program gets of KMEM, LD_PRELOAD and
// ASAN_OPTIONS; --leaks; --mistakes-pass, which do not change the exit status then; --fail-nth N; --result FILE, for how it
// went.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "options.h"

int main(int argc, char** argv) {
  using namespace kmem::driver_host;
  Options options;
  if (!parse(argc, argv, &options)) return kToolFailed;
  if (options.mode == "run") return run(options);
  if (options.mode == "serve") return serve_socket(options);
  if (options.mode == "join") join(options.socket, options.command);
  if (options.mode == "stop") return stop(options);
  if (options.mode == "kunit") return kunit(options);
  if (options.mode == "reload") return reload(options);
  std::fprintf(stderr, "kmem-driver-host is started by `kmem driver`\n");
  return kToolFailed;
}
