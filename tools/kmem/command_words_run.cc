// The words of kmem that run a program: run, fail-nth, validate.

#include <CLI/CLI.hpp>
#include <memory>

#include "commands.h"
#include "fail_nth.h"
#include "run.h"
#include "validate.h"

namespace kmem::tool {
namespace {

void add_run(Commands& all) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App& run = all.add("run", "run a program on kmem: kmem run [OPTIONS] -- PROGRAM ARGS");
  run.add_flag("--report", options->report, "print a report on standard error when the program has ended");
  run.add_option("--report-file", options->report_file, "write that report to a file instead")->type_name("FILE");
  run.add_option("--json", options->json_file, "write the same as JSON")->type_name("FILE");
  run.add_flag("--count", options->count, "count every call in it, which closes kmem's fast path: the program runs slower");
  add_boot(run, options->boot_words, "boot words, added to those in the variable KMEM");
  run.add_flag("--leaks", options->leaks, "when the program ends, list the memory that it has lost, by where it was allocated");
  run.add_option("--profile", options->profile_file,
                 "write a heap profile of the whole run, in a form by the name, as kmem profile does")
      ->type_name("FILE");
  run.add_option("--profile-period", options->profile_period, "bytes between two samples of it, on average")
      ->type_name("SIZE")
      ->capture_default_str();
  run.add_flag("--follow", options->follow, "in that profile also the processes that the program starts");
  run.add_option("--library", options->library, "the libkmem-malloc.so to use")->type_name("FILE");
  run.add_option("--caches", options->most_caches, "lines of the report's table of caches")
      ->type_name("N")
      ->capture_default_str();
  run.prefix_command();
  all.on(run, [options, &run](const Arguments& given) {
    options->command = command_of(run, given);
    kmem::tool::run(*options);
    return 0;
  });
}

constexpr char kFailNthExamples[] =
    R"(For n = 1, 2, 3 ... PROGRAM is run with the n-th of its allocations failing, until it ends without having come to an
n-th.  Reported is each n at which it crashed, hung, misused memory, broke a structure of kmem's, or held more memory
at its end than without the failure.  That it ends with an error is no finding.

Examples:
  kmem fail-nth -- ./parser file.txt             every failure point once
  kmem fail-nth --both --jobs 2 -- ./parser x    once, then from each point on for ever; two runs at a time
  kmem fail-nth --from 17 --to 17 --show-output -- ./parser x
                                                 the seventeenth alone, with what the program says
  kmem fail-nth --step 50 -- python3 script.py   every fiftieth of very many
  kmem fail-nth --json --report out.json -- ./parser x)";

void add_fail_nth(Commands& all) {
  const auto options = std::make_shared<FailNthOptions>();
  CLI::App& sub = all.add("fail-nth", "run a program again and again, each time another allocation of it failing");
  sub.add_option("--from", options->from, "begin with this n")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub.add_option("--to", options->to, "end with this n; else when the program ends without coming so far")->type_name("N");
  sub.add_option("--step", options->step, "only every so-manyth n")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub.add_flag("--once", options->once, "the n-th alone fails (unless told otherwise)");
  sub.add_flag("--forever", options->forever, "the n-th and all after it fail");
  sub.add_flag_callback(
      "--both", [options] { options->once = options->forever = true; }, "first --once, then --forever");
  sub.add_option("--timeout", options->timeout,
                 "seconds after which a run hangs; else 20 times what a clean one takes, at least 10")
      ->type_name("S")
      ->check(CLI::PositiveNumber);
  sub.add_option("--jobs", options->jobs, "runs at a time")->type_name("N")->check(CLI::Range(1, 256))->capture_default_str();
  sub.add_option("--leaks", options->leaks,
                 "when memory held at the end counts: never, always, or where the program ended as the clean run did")
      ->check(CLI::IsMember({"never", "same-status", "always"}))
      ->capture_default_str();
  sub.add_option("--slack", options->slack, "bytes that it may hold beyond the clean run")
      ->type_name("BYTES")
      ->capture_default_str();
  sub.add_flag("--json", options->json, "the report as JSON");
  sub.add_option("--report", options->report_file, "write the report here instead of to standard output")->type_name("FILE");
  sub.add_option("--input", options->input, "standard input of every run; else it is empty")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  sub.add_flag("--show-output", options->show_output, "let the program's output through");
  sub.add_flag("--any-cpu", options->any_cpu, "do not hold each run on one CPU, which makes n mean the same in each");
  sub.add_flag("--quiet", options->quiet, "no progress");
  add_preload(sub, options->boot_words, options->library);
  sub.footer(kFailNthExamples);
  sub.prefix_command();
  all.on(sub, [options, &sub](const Arguments& given) {
    options->command = command_of(sub, given);
    return fail_nth(*options);
  });
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

void add_validate(Commands& all) {
  const auto options = std::make_shared<ValidateOptions>();
  CLI::App& sub = all.add("validate", "look at all of kmem's structures, in a program when it ends or in a process that runs");
  sub.add_flag("--objects", options->objects, "look at every object and what is around it too (slub_debug=FZPU)");
  sub.add_option("--report-file", options->report_file, "write the report there instead of to standard error")
      ->type_name("FILE");
  sub.add_option("--json", options->json_file, "write the same as JSON")->type_name("FILE");
  add_preload(sub, options->boot_words, options->library);
  sub.add_option("--looks", options->looks, "of a running process: at most so many looks that must all find what is broken")
      ->type_name("N")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  sub.add_option("--timeout", options->timeout, "of a running process: seconds that it has for each look")
      ->type_name("S")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  sub.footer(kValidateExamples);
  sub.prefix_command();
  all.on(sub, [options, &sub](const Arguments& given) {
    options->command = command_of(sub, given);
    if (!given.separated) options->pid = process_number(options->command);
    return validate(*options);
  });
}

}  // namespace

void add_running(Commands& all) {
  add_run(all);
  add_fail_nth(all);
  add_validate(all);
}

}  // namespace kmem::tool
