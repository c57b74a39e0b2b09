// kmem: runs programs on kmem's malloc and shows what it did.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>

#include "commands.h"
#include "driver.h"
#include "failure.h"

#ifndef KMEM_VERSION
#define KMEM_VERSION "unknown"
#endif

namespace {

using kmem::tool::kToolFailed;

constexpr char kDescription[] = "Runs programs on kmem's malloc, and shows what it did.";

constexpr char kExamples[] = R"(Examples:
  kmem run -- redis-server --port 7000     any program, its whole heap in kmem
  kmem run --report -- python3 script.py   and a report on standard error when it has ended
  kmem run --json out.json -- make -j2     every process that make starts, for scripts
  kmem run --boot mem=1G --report -- PROG  at most 1 GiB of pages
  kmem slabinfo --from out.json            as /proc/slabinfo would look; slabtop reads it
  kmem report --from out.json --pid 4711   one of several processes, all its caches

  kmem ps                                  the processes of this host that run on kmem
  kmem slabinfo 4711                       of one that runs, started with this in mind or not; or of a core file
  kmem report core.4711                    and buddyinfo, zoneinfo, meminfo, vmallocinfo, iomem, json

  kmem top 4711                            live: which cache grows?
  kmem inspect 4711 whatis 0x7f0012345678  who allocated it; also caches, refs, leaks, verify, of a core file too
  kmem exporter --listen 127.0.0.1:9469    metrics of all of them, for Prometheus
  kmem map 4711                            what each page frame is used for, as a picture
  kmem record -- PROG                      its memory over time; then: kmem show kmem.recording

  kmem fail-nth -- ./parser file.txt       each allocation of it fails once: does it crash, hang or leak?
  kmem fail-nth --both --jobs 2 -- PROG    and all from each on, two at a time

  kmem validate -- ./server --once         are kmem's structures whole when it ends?
  kmem validate --objects -- ./server      and is every object, and what is around it?
  kmem run --boot validate_signal=40 -- ./server &
  kmem validate $!                         are they while it runs?

Exit status of `kmem validate`: 0 where all is well, 1 where something is broken, 2 where not all could be looked at.
Exit status of `kmem fail-nth`: 0 where nothing was found, 1 where something was.
Exit status of `kmem run`: the program's own; where a signal killed it, the same signal kills kmem too (128 + its
number, for a shell).  125: kmem itself failed.  126: the program cannot be executed.  127: it is not found.)";

int parse_and_do(CLI::App& app, int argc, char** argv) {
  kmem::tool::Commands commands(app);
  add_running(commands);
  add_looking(commands);
  add_recording(commands);
  kmem::tool::DriverCommand driver(app);
  commands.on(driver.word(), [&driver](const kmem::tool::Arguments& given) { return driver.run(given.behind); });
  add_helping(commands);

  kmem::tool::Arguments arguments(argc, argv);
  app.parse(arguments.own);
  return commands.run(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kDescription, "kmem");
  app.footer(kExamples);
  app.set_version_flag("--version", "kmem " KMEM_VERSION);
  app.require_subcommand(1);
  try {
    return parse_and_do(app, argc, argv);
  } catch (const CLI::Success& asked_for_help) {
    return app.exit(asked_for_help);
  } catch (const CLI::ParseError& wrong) {
    app.exit(wrong);
    return kToolFailed;
  } catch (const kmem::tool::Failure& failure) {
    fmt::print(stderr, "kmem: {}\n", failure.what());
    return failure.status();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "kmem: {}\n", failure.what());
    return kToolFailed;
  }
}
