// kmem: runs programs on kmem's malloc and shows what it did.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "fail_nth.h"
#include "failure.h"
#include "run.h"
#include "show.h"
#include "validate.h"

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
  run.add_flag("--leaks", options.leaks, "when the program ends, list the memory that it has lost, by where it was allocated");
  run.add_option("--library", options.library, "the libkmem-malloc.so to use")->type_name("FILE");
  run.add_option("--caches", options.most_caches, "lines of the report's table of caches")
      ->type_name("N")
      ->capture_default_str();
  run.prefix_command();
}

constexpr char kFailNthExamples[] = R"(For n = 1, 2, 3 ... PROGRAM is run with the n-th of its allocations failing, until it ends without having come to an
n-th.  Reported is each n at which it crashed, hung, misused memory, broke a structure of kmem's, or held more memory
at its end than without the failure.  That it ends with an error is no finding.

Examples:
  kmem fail-nth -- ./parser file.txt             every failure point once
  kmem fail-nth --both --jobs 2 -- ./parser x    once, then from each point on for ever; two runs at a time
  kmem fail-nth --from 17 --to 17 --show-output -- ./parser x
                                                 the seventeenth alone, with what the program says
  kmem fail-nth --step 50 -- python3 script.py   every fiftieth of very many
  kmem fail-nth --json --report out.json -- ./parser x)";

void add_fail_nth(CLI::App& app, kmem::tool::FailNthOptions& options) {
  CLI::App& sub = *app.add_subcommand("fail-nth", "run a program again and again, each time another allocation of it failing");
  sub.add_option("--from", options.from, "begin with this n")->type_name("N")->check(CLI::PositiveNumber)->capture_default_str();
  sub.add_option("--to", options.to, "end with this n; else when the program ends without coming so far")->type_name("N");
  sub.add_option("--step", options.step, "only every so-manyth n")->type_name("N")->check(CLI::PositiveNumber)->capture_default_str();
  sub.add_flag("--once", options.once, "the n-th alone fails (unless told otherwise)");
  sub.add_flag("--forever", options.forever, "the n-th and all after it fail");
  sub.add_flag_callback("--both", [&options] { options.once = options.forever = true; }, "first --once, then --forever");
  sub.add_option("--timeout", options.timeout, "seconds after which a run hangs; else 20 times what a clean one takes, at least 10")
      ->type_name("S")
      ->check(CLI::PositiveNumber);
  sub.add_option("--jobs", options.jobs, "runs at a time")->type_name("N")->check(CLI::Range(1, 256))->capture_default_str();
  sub.add_option("--leaks", options.leaks, "when memory held at the end counts: never, always, or where the program ended as the clean run did")
      ->check(CLI::IsMember({"never", "same-status", "always"}))
      ->capture_default_str();
  sub.add_option("--slack", options.slack, "bytes that it may hold beyond the clean run")->type_name("BYTES")->capture_default_str();
  sub.add_flag("--json", options.json, "the report as JSON");
  sub.add_option("--report", options.report_file, "write the report here instead of to standard output")->type_name("FILE");
  sub.add_option("--input", options.input, "standard input of every run; else it is empty")->type_name("FILE")->check(CLI::ExistingFile);
  sub.add_flag("--show-output", options.show_output, "let the program's output through");
  sub.add_flag("--any-cpu", options.any_cpu, "do not hold each run on one CPU, which makes n mean the same in each");
  sub.add_flag("--quiet", options.quiet, "no progress");
  sub.add_option("--boot", options.boot_words, "boot words, added to those in the variable KMEM")->type_name("WORDS");
  sub.add_option("--library", options.library, "the libkmem-malloc.so to use")->type_name("FILE");
  sub.footer(kFailNthExamples);
  sub.prefix_command();
}

constexpr char kValidateExamples[] = R"(kmem validate [OPTIONS] -- PROGRAM ARGS, or kmem validate [OPTIONS] PID

When PROGRAM ends, and each process that it started, all of kmem's structures in it are walked by kmem's own checkers, if
one thread is left.  Each rule that is broken is named by its number.

Examples:
  kmem validate -- ./parser file.txt              the structures
  kmem validate --objects -- ./parser file.txt    and all objects: written past their ends, written when they were free
  kmem validate --json out.json -- make -j2       every process that make starts, for scripts

A process that runs is looked at in a copy of it, which a signal makes it fork; it goes on meanwhile.  It must have been started
with the boot word validate_signal=N: a real-time signal, 34 to 64, 10 (SIGUSR1) or 12 (SIGUSR2), of which the program makes no
use.  What other threads are in the middle of may look broken: what is broken is so only if each of several looks finds it.

  kmem run --boot validate_signal=40 -- ./server &
  kmem validate $!
  KMEM="validate_signal=40 slub_debug=FZPU" LD_PRELOAD=libkmem-malloc.so ./server &
  kmem validate --looks 20 $!                     and all objects)";

void add_validate(CLI::App& app, kmem::tool::ValidateOptions& options) {
  CLI::App& sub = *app.add_subcommand("validate", "look at all of kmem's structures, in a program when it ends or in a process that runs");
  sub.add_flag("--objects", options.objects, "look at every object and what is around it too (slub_debug=FZPU)");
  sub.add_option("--report-file", options.report_file, "write the report there instead of to standard error")->type_name("FILE");
  sub.add_option("--json", options.json_file, "write the same as JSON")->type_name("FILE");
  sub.add_option("--boot", options.boot_words, "boot words, added to those in the variable KMEM")->type_name("WORDS");
  sub.add_option("--library", options.library, "the libkmem-malloc.so to use")->type_name("FILE");
  sub.add_option("--looks", options.looks, "of a running process: at most so many looks that must all find what is broken")
      ->type_name("N")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  sub.add_option("--timeout", options.timeout, "of a running process: seconds that it has for each look")
      ->type_name("S")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  sub.footer(kValidateExamples);
  sub.prefix_command();
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
    throw kmem::tool::Failure(fmt::format("{0} has no option {1}; see kmem {0} --help", run.get_name(), command[0]));
  if (!command.empty() && arguments.separated) command.emplace_back("--");
  command.insert(command.end(), arguments.behind.begin(), arguments.behind.end());
  return command;
}

/// Of a single word that is a number; 0 for all else.
int process_number(const Words& words) {
  const bool is_number = words.size() == 1 && !words[0].empty() && words[0].size() < 10 &&
                         std::all_of(words[0].begin(), words[0].end(), [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? std::stoi(words[0]) : 0;
}

int parse_and_do(CLI::App& app, int argc, char** argv) {
  kmem::tool::RunOptions run_options;
  kmem::tool::FailNthOptions fail_nth_options;
  kmem::tool::ValidateOptions validate_options;
  ShowOptions show_options;
  add_run(app, run_options);
  add_fail_nth(app, fail_nth_options);
  add_validate(app, validate_options);
  add_show(app, "slabinfo", "a saved report's caches, as /proc/slabinfo", show_options);
  add_show(app, "buddyinfo", "its free blocks by order, as /proc/buddyinfo", show_options);
  add_show(app, "zoneinfo", "its zones, as /proc/zoneinfo", show_options);
  add_show(app, "pagetypeinfo", "its free blocks by type, as /proc/pagetypeinfo", show_options);
  add_show(app, "meminfo", "its memory, as /proc/meminfo", show_options);
  add_show(app, "vmallocinfo", "its vmalloc areas, as /proc/vmallocinfo", show_options);
  add_show(app, "iomem", "its memory by address, and what was reserved at boot, as /proc/iomem", show_options);
  add_show(app, "json", "the report of one process alone, as JSON", show_options);
  add_show(app, "report", "the report that `kmem run --report` prints, with every cache", show_options);

  Arguments arguments(argc, argv);
  app.parse(arguments.own);
  const CLI::App& chosen = *app.get_subcommands().front();
  if (chosen.get_name() == "fail-nth") {
    fail_nth_options.command = command_of(chosen, arguments);
    return kmem::tool::fail_nth(fail_nth_options);
  }
  if (chosen.get_name() == "validate") {
    validate_options.command = command_of(chosen, arguments);
    if (!arguments.separated) validate_options.pid = process_number(validate_options.command);
    return kmem::tool::validate(validate_options);
  }
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
