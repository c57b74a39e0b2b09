// kmem: runs programs on kmem's malloc and shows what it did.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "failure.h"
#include "run.h"
#include "show.h"

#ifndef KMEM_VERSION
#define KMEM_VERSION "unknown"
#endif

namespace {

using kmem::tool::kToolFailed;
using Words = std::vector<std::string>;

constexpr char kDescription[] = "Runs programs on kmem's malloc, and shows what it did.";

constexpr char kExamples[] = R"(Examples:
  kmem run -- redis-server --port 7000     any program, its whole heap in kmem
  kmem run --report -- python3 script.py   and a report on standard error when it has ended
  kmem run --json out.json -- make -j2     every process that make starts, for scripts
  kmem run --boot mem=1G --report -- PROG  at most 1 GiB of pages
  kmem slabinfo --from out.json            as /proc/slabinfo would look; slabtop reads it
  kmem report --from out.json --pid 4711   one of several processes, all its caches

Exit status of `kmem run`: the program's own; where a signal killed it, the same signal kills kmem too (128 + its
number, for a shell).  125: kmem itself failed.  126: the program cannot be executed.  127: it is not found.)";

/// What CLI11 shall read, and what lies behind "--".
struct Arguments {
  Words own, behind;
  bool separated = false;

  Arguments(int argc, char** argv) {
    const auto end = argv + argc;
    const auto dashes = std::find(argv + 1, end, std::string("--"));
    own.assign(argv + 1, dashes);
    separated = dashes != end;
    if (separated) behind.assign(dashes + 1, end);
    std::reverse(own.begin(), own.end());  // CLI11 takes them from the back
  }
};

void add_run(CLI::App& app, kmem::tool::RunOptions& options) {
  CLI::App& run = *app.add_subcommand("run", "run a program on kmem: kmem run [OPTIONS] -- PROGRAM ARGS");
  run.add_flag("--report", options.report, "print a report on standard error when the program has ended");
  run.add_option("--report-file", options.report_file, "write that report to a file instead")->type_name("FILE");
  run.add_option("--json", options.json_file, "write the same as JSON")->type_name("FILE");
  run.add_option("--boot", options.boot_words, "boot words, added to those in the variable KMEM")->type_name("WORDS");
  run.add_option("--library", options.library, "the libkmem-malloc.so to use")->type_name("FILE");
  run.add_option("--caches", options.most_caches, "lines of the report's table of caches")
      ->type_name("N")
      ->capture_default_str();
  run.prefix_command();
}

struct ShowOptions {
  std::string file;
  int pid = 0;
};

void add_show(CLI::App& app, const std::string& name, const std::string& description, ShowOptions& options) {
  CLI::App& show = *app.add_subcommand(name, description);
  show.add_option("--from", options.file, "what `kmem run --json` or KMEM_REPORT wrote")->required()->type_name("FILE");
  show.add_option("--pid", options.pid, "which process, where there are several")->type_name("PID");
}

/// The program and its arguments: behind "--", or from the first word on that is no option of ours.
Words command_of(const CLI::App& run, const Arguments& arguments) {
  Words command = run.remaining();
  if (!command.empty() && command[0][0] == '-')
    throw kmem::tool::Failure(fmt::format("run has no option {}; see kmem run --help", command[0]));
  if (!command.empty() && arguments.separated) command.emplace_back("--");
  command.insert(command.end(), arguments.behind.begin(), arguments.behind.end());
  return command;
}

int parse_and_do(CLI::App& app, int argc, char** argv) {
  kmem::tool::RunOptions run_options;
  ShowOptions show_options;
  add_run(app, run_options);
  add_show(app, "slabinfo", "a saved report's caches, as /proc/slabinfo", show_options);
  add_show(app, "buddyinfo", "its free blocks by order, as /proc/buddyinfo", show_options);
  add_show(app, "zoneinfo", "its zones, as /proc/zoneinfo", show_options);
  add_show(app, "pagetypeinfo", "its free blocks by type, as /proc/pagetypeinfo", show_options);
  add_show(app, "meminfo", "its memory, as /proc/meminfo", show_options);
  add_show(app, "json", "the report of one process alone, as JSON", show_options);
  add_show(app, "report", "the report that `kmem run --report` prints, with every cache", show_options);

  Arguments arguments(argc, argv);
  app.parse(arguments.own);
  const CLI::App& chosen = *app.get_subcommands().front();
  if (chosen.get_name() != "run") {
    kmem::tool::show(chosen.get_name(), show_options.file, show_options.pid);
    return 0;
  }
  run_options.command = command_of(chosen, arguments);
  kmem::tool::run(run_options);
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
