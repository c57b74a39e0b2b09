// kmem: runs programs on kmem's malloc and shows what it did.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "completion.h"
#include "driver.h"
#include "explain.h"
#include "exporter.h"
#include "fail_nth.h"
#include "failure.h"
#include "gdb.h"
#include "inspect.h"
#include "map.h"
#include "profile.h"
#include "ps.h"
#include "record.h"
#include "recording_page.h"
#include "run.h"
#include "show.h"
#include "top.h"
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
  run.add_flag("--count", options.count, "count every call in it, which closes kmem's fast path: the program runs slower");
  run.add_option("--boot", options.boot_words, "boot words, added to those in the variable KMEM")->type_name("WORDS");
  run.add_flag("--leaks", options.leaks, "when the program ends, list the memory that it has lost, by where it was allocated");
  run.add_option("--profile", options.profile_file,
                 "write a heap profile of the whole run, in a form by the name, as kmem profile does")
      ->type_name("FILE");
  run.add_option("--profile-period", options.profile_period, "bytes between two samples of it, on average")
      ->type_name("SIZE")
      ->capture_default_str();
  run.add_flag("--follow", options.follow, "in that profile also the processes that the program starts");
  run.add_option("--library", options.library, "the libkmem-malloc.so to use")->type_name("FILE");
  run.add_option("--caches", options.most_caches, "lines of the report's table of caches")
      ->type_name("N")
      ->capture_default_str();
  run.prefix_command();
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

void add_fail_nth(CLI::App& app, kmem::tool::FailNthOptions& options) {
  CLI::App& sub = *app.add_subcommand("fail-nth", "run a program again and again, each time another allocation of it failing");
  sub.add_option("--from", options.from, "begin with this n")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub.add_option("--to", options.to, "end with this n; else when the program ends without coming so far")->type_name("N");
  sub.add_option("--step", options.step, "only every so-manyth n")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub.add_flag("--once", options.once, "the n-th alone fails (unless told otherwise)");
  sub.add_flag("--forever", options.forever, "the n-th and all after it fail");
  sub.add_flag_callback(
      "--both", [&options] { options.once = options.forever = true; }, "first --once, then --forever");
  sub.add_option("--timeout", options.timeout,
                 "seconds after which a run hangs; else 20 times what a clean one takes, at least 10")
      ->type_name("S")
      ->check(CLI::PositiveNumber);
  sub.add_option("--jobs", options.jobs, "runs at a time")->type_name("N")->check(CLI::Range(1, 256))->capture_default_str();
  sub.add_option("--leaks", options.leaks,
                 "when memory held at the end counts: never, always, or where the program ended as the clean run did")
      ->check(CLI::IsMember({"never", "same-status", "always"}))
      ->capture_default_str();
  sub.add_option("--slack", options.slack, "bytes that it may hold beyond the clean run")
      ->type_name("BYTES")
      ->capture_default_str();
  sub.add_flag("--json", options.json, "the report as JSON");
  sub.add_option("--report", options.report_file, "write the report here instead of to standard output")->type_name("FILE");
  sub.add_option("--input", options.input, "standard input of every run; else it is empty")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
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
  CLI::App& sub =
      *app.add_subcommand("validate", "look at all of kmem's structures, in a program when it ends or in a process that runs");
  sub.add_flag("--objects", options.objects, "look at every object and what is around it too (slub_debug=FZPU)");
  sub.add_option("--report-file", options.report_file, "write the report there instead of to standard error")
      ->type_name("FILE");
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
  std::string file, target, module;
  int pid = 0;
};

/// Of commands that look into a process or a core.
void add_module(CLI::App& sub, std::string& module) {
  sub.add_option("--module", module, "of several kmems in it, the one in the file whose name has this in it")
      ->type_name("NAME");
}

void add_ps(CLI::App& app, kmem::tool::PsOptions& options) {
  CLI::App& sub = *app.add_subcommand("ps", "the processes of this host that run on kmem, started with it in mind or not");
  sub.add_flag("--json", options.json, "the report of each, as JSON");
  sub.add_option("--sort", options.sort, "by held, resident, out or pid")
      ->check(CLI::IsMember({"held", "resident", "out", "pid"}))
      ->capture_default_str();
}

constexpr char kInspectExamples[] =
    R"(kmem inspect PID                         what kmem holds in a process now; a core file in the place of PID, everywhere
kmem inspect PID caches                  all caches, those with the most memory first
kmem inspect PID cache malloc-64         its objects that are out; --state free, cached, held or all; --sort age
kmem inspect PID whatis 0x7f0012345678   which object, cache, slab, frame, zone; who allocated it, where that is kept
kmem inspect PID refs 0x7f0012345678     who points to the block, and a chain from a root
kmem inspect PID leaks                   blocks to which nobody has a pointer left; exit status 1 where there are any
kmem inspect PID dump 0x7f0012345678 64  bytes
kmem inspect PID frame 1048579           a page frame by its number
kmem inspect PID vmalloc                 also percpu, pools
kmem inspect CORE verify                 all structures, by all of kmem's walkers; exit status 1 where something is broken

Callers are kept where the process was started with KMEM="slub_debug=U" (or kmemleak): nothing else needs a word before.
Nothing happens in the process, unless --stop asks for it to stand still meanwhile.
Exit status: 0; 1: leaks finds some, or verify something broken; 2: not all could be read; 125: nothing could.)";

void add_inspect(CLI::App& app, kmem::tool::InspectOptions& options) {
  CLI::App& sub = *app.add_subcommand("inspect", "look into the heap of a process that runs, or of a core file");
  sub.add_option("target", options.target, "a process, or a core file")->required()->type_name("PID|CORE");
  sub.add_option("what", options.what, "the question")
      ->type_name("WHAT")
      ->capture_default_str()
      ->check(CLI::IsMember(
          {"status", "caches", "cache", "whatis", "frame", "vmalloc", "percpu", "pools", "verify", "dump", "refs", "leaks"}));
  sub.add_option("words", options.words, "a name, an address or a number, as the question needs it")->type_name("WORD");
  sub.add_flag("--json", options.json, "the answer as JSON");
  sub.add_flag("--stop", options.stop,
               "stop all threads of the process meanwhile: their registers are known then, and nothing moves");
  sub.add_option("--limit", options.limit, "lines; 0 for all")->type_name("N")->capture_default_str();
  sub.add_option("--state", options.state, "of cache: which objects")
      ->check(CLI::IsMember({"out", "free", "cached", "held", "all"}))
      ->capture_default_str();
  sub.add_option("--sort", options.sort, "of cache: age, the oldest first")->check(CLI::IsMember({"address", "age"}));
  sub.add_flag("--objects", options.objects, "of verify: look at every object of caches with red zones or poison too");
  sub.add_option("--looks", options.looks, "of leaks and verify, where the process runs: all of so many looks must find it")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_module(sub, options.module);
  sub.footer(kInspectExamples);
}

constexpr char kTopKeys[] =
    R"(The screen shows the caches of a process, or the processes that run on kmem: what they hold, and how it has GROWN since kmem top
began, and PER SECond.  The row that grew most is bold, and named above the table.  MISS/S: calls a second that left the fast path.

Keys: q quit; s sort by held, grown, rate, use, misses, name; / filter by name; space freeze; up and down, enter: open a process, or a
cache's call sites (kept where the process was started with KMEM="slub_debug=U"); esc back; + and - the interval.

  kmem top                            all processes
  kmem top 4711                       one
  kmem top 4711 --batch --count 2 --interval 10 --sort grown   for pipes)";

void add_top(CLI::App& app, kmem::tool::TopOptions& options) {
  CLI::App& sub = *app.add_subcommand("top", "what grows: the caches of a process, or the processes on kmem, live");
  sub.add_option("pid", options.pid, "a process; else all that run on kmem")->type_name("PID")->check(CLI::PositiveNumber);
  sub.add_flag("--batch", options.batch, "print every look, and need no terminal");
  sub.add_option("--interval", options.interval, "seconds between looks")
      ->type_name("S")
      ->check(CLI::Range(0.05, 3600.0))
      ->capture_default_str();
  sub.add_option("--count", options.count, "end after so many looks; 0: never")->type_name("N")->capture_default_str();
  sub.add_option("--sort", options.sort, "by held, grown, rate (of growth), use, misses or name")
      ->check(CLI::IsMember({"held", "grown", "rate", "use", "misses", "name"}))
      ->capture_default_str();
  sub.add_option("--filter", options.filter, "only rows whose name contains this")->type_name("TEXT");
  add_module(sub, options.module);
  sub.footer(kTopKeys);
}

constexpr char kExporterExamples[] =
    R"(Serves http://ADDRESS:PORT/metrics, as Prometheus scrapes it, or as OpenMetrics where that is accepted.  It looks when it is asked, and
only from outside: no process that it shows has a thread, a socket or a file of it.  Labels: pid, comm, cgroup; of caches their name,
of zones node and zone.  docs/inspecting.md lists the metrics; docs/grafana-dashboard.json shows them.

  kmem exporter --listen 127.0.0.1:9469
  kmem exporter --once > /var/lib/node_exporter/kmem.prom)";

void add_exporter(CLI::App& app, kmem::tool::ExporterOptions& options) {
  CLI::App& sub = *app.add_subcommand("exporter", "serve the figures of all processes on kmem as Prometheus metrics");
  sub.add_option("--listen", options.listen, "where; port 0 is any, which is then printed")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  sub.add_option("--processes", options.most_processes, "at most so many, those that hold the most")
      ->type_name("N")
      ->capture_default_str();
  sub.add_option("--caches", options.most_caches, "of each process so many caches; the rest is cache=\"other\"")
      ->type_name("N")
      ->capture_default_str();
  CLI::Option* once = sub.add_flag("--once", options.once, "print them once instead, and end");
  sub.add_flag("--openmetrics", options.open_metrics, "in OpenMetrics' form")->needs(once);
  sub.footer(kExporterExamples);
}

constexpr char kMapExamples[] =
    R"(Each cell is a page frame, or several neighbours where there are many: free, of a slab of which cache, with the program.  A small
letter is a slab of which the program has less than half: why memory is not given back.  docs/recording.md explains the picture.

  kmem map 4711
  kmem map core.4711 --color never --width 64     in plain letters, 64 cells in a row)";

void add_map(CLI::App& app, kmem::tool::MapOptions& options) {
  CLI::App& sub = *app.add_subcommand("map", "what each page frame of a process or a core is used for, as a picture");
  sub.add_option("target", options.target, "a process, or a core file")->required()->type_name("PID|CORE");
  sub.add_option("--color", options.color, "auto, always or never; without colours a letter says all")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  sub.add_option("--width", options.width, "cells in a row; else as the terminal")->type_name("N")->check(CLI::Range(8, 4096));
  sub.add_option("--rows", options.rows, "about so many rows at most: that decides how many frames a cell is")
      ->type_name("N")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  sub.add_flag("--json", options.json, "the map as JSON");
  add_module(sub, options.module);
  sub.footer(kMapExamples);
}

constexpr char kProfileExamples[] =
    R"(Which code allocates, and what of that is alive, by sample.  Nothing has to be switched on before: the process samples from now
on, for as long as this takes.

Examples:
  kmem profile 4711                         a table after 10 s: the code whose blocks are alive
  kmem profile 4711 --seconds 60 -o out.html   a flame graph, for a browser
  kmem profile 4711 -o out.pb.gz            for go tool pprof and others
  kmem profile 4711 -o out.speedscope.json  for speedscope
  kmem profile 4711 -o before.json          saved, for kmem profile before.json -o out.folded
  kmem profile 4711 --diff before.json      what is more than then, and what less)";

void add_profile(CLI::App& app, kmem::tool::ProfileOptions& options) {
  CLI::App& sub = *app.add_subcommand("profile", "which code of a process allocates: tables, flame graphs, pprof");
  sub.add_option("source", options.source, "a process, or a profile that was saved as JSON")->required()->type_name("PID|FILE");
  sub.add_option("--seconds", options.seconds, "sample for so long")
      ->type_name("S")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub.add_option("--period", options.period, "bytes between two samples, on average")->type_name("SIZE")->capture_default_str();
  sub.add_option("-o,--output", options.output, "write it there; else a table on standard output")->type_name("FILE");
  sub.add_option("--format", options.format,
                 "text, folded, html, json, speedscope or pprof; else by the name of FILE, or pprof")
      ->check(CLI::IsMember({"text", "folded", "html", "json", "speedscope", "pprof"}));
  sub.add_option("--diff", options.base, "subtract what was saved as JSON")->type_name("BASE");
  sub.add_flag("--since-start", options.since_start,
               "all that was allocated since the process began to sample, as by the word profile=");
  sub.add_flag("--allocated", options.allocated, "of text and folded: all that was allocated, not what is alive");
  sub.add_option("--limit", options.limit, "chains of callers in the table; 0: all")->type_name("N")->capture_default_str();
  add_module(sub, options.module);
  sub.footer(kProfileExamples);
}

constexpr char kRecordExamples[] =
    R"(kmem record [OPTIONS] -- PROGRAM ARGS, or kmem record [OPTIONS] PID

Looks at the process from outside again and again, until it ends, and writes what it holds into one file: by cache, by zone, and what
each page frame is used for.  Nothing happens in the process.  Of a program only itself is recorded, and not what it starts.

Examples:
  kmem record -- python3 script.py           into kmem.recording; then kmem show kmem.recording
  kmem record -o leak.rec --seconds 600 4711
  kmem record --rate 1 --limit 16 4711       until Ctrl-C, once a second, in at most 16 MiB: when they are full, every second
                                             sample is dropped, and the steps are twice as long from then on)";

void add_record(CLI::App& app, kmem::tool::RecordOptions& options) {
  CLI::App& sub = *app.add_subcommand("record", "record how the heap of a program or a process changes, for kmem show");
  sub.add_option("-o,--output", options.output, "the recording")->type_name("FILE")->capture_default_str();
  sub.add_option("--rate", options.rate, "samples a second")
      ->type_name("N")
      ->check(CLI::Range(0.001, 1000.0))
      ->capture_default_str();
  sub.add_option("--map-rate", options.map_rate, "page maps a second")
      ->type_name("N")
      ->check(CLI::Range(0.001, 100.0))
      ->capture_default_str();
  sub.add_option("--cells", options.cells, "of a page map, at most about so many; with more frames, a cell is several")
      ->type_name("N")
      ->check(CLI::Range(64, 1000000))
      ->capture_default_str();
  sub.add_option("--seconds", options.seconds, "end after so many; else with the process")
      ->type_name("S")
      ->check(CLI::PositiveNumber);
  sub.add_option("--limit", options.megabytes, "of the file, in MiB")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub.add_option("--boot", options.boot_words, "boot words, added to those in the variable KMEM")->type_name("WORDS");
  sub.add_option("--library", options.library, "the libkmem-malloc.so to use")->type_name("FILE");
  add_module(sub, options.module);
  sub.footer(kRecordExamples);
  sub.prefix_command();
}

void add_recording_page(CLI::App& app, kmem::tool::PageOptions& options) {
  CLI::App& sub = *app.add_subcommand("show", "make a page of a recording, for a browser; it needs no network");
  sub.add_option("recording", options.recording, "what kmem record wrote")->required()->type_name("FILE");
  sub.add_option("-o,--output", options.output, "the page; else FILE.html")->type_name("PAGE");
  sub.footer(
      "Examples:\n  kmem show kmem.recording                   writes kmem.recording.html\n"
      "  kmem show -o leak.html leak.rec");
}

constexpr char kGdbExamples[] =
    R"(Starts gdb with a command `kmem` whose words are those of kmem inspect; addresses can be gdb's expressions.

  kmem gdb -p 4711                    then, in gdb:  kmem status
  kmem gdb ./server core              then:          kmem whatis request->buffer
                                                     kmem refs $rdi)";

void add_gdb(CLI::App& app) {
  CLI::App& sub = *app.add_subcommand("gdb", "gdb, with commands that look into the heap: kmem gdb [ARGUMENTS of gdb]");
  sub.footer(kGdbExamples);
  sub.prefix_command();
}

void add_show(CLI::App& app, const std::string& name, const std::string& description, ShowOptions& options) {
  CLI::App& show = *app.add_subcommand(name, description);
  CLI::Option* target = show.add_option("target", options.target, "a process that runs, or a core file")->type_name("PID|CORE");
  CLI::Option* from = show.add_option("--from", options.file, "instead: what `kmem run --json` or KMEM_REPORT wrote");
  from->type_name("FILE")->excludes(target);
  show.add_option("--pid", options.pid, "which process of that file, where there are several")->type_name("PID")->needs(from);
  add_module(show, options.module);
}

void add_completion(CLI::App& app, std::string& shell) {
  CLI::App& sub = *app.add_subcommand("completion", "print what a shell needs to complete the words of kmem");
  sub.add_option("shell", shell, "the shell")->required()->type_name("SHELL")->check(CLI::IsMember({"bash", "zsh", "fish"}));
  sub.footer(
      "Examples:\n  kmem completion bash > ~/.local/share/bash-completion/completions/kmem\n"
      "  kmem completion fish > ~/.config/fish/completions/kmem.fish");
}

void add_explain(CLI::App& app, Words& message) {
  CLI::App& sub = *app.add_subcommand("explain", "what a message of kmem's means, and what to do about it");
  sub.add_option("message", message,
                 "the message, or a part of it; else standard input is read, and each message in it explained")
      ->type_name("MESSAGE");
  sub.footer(
      "Examples:\n  kmem explain 'double free of 0x00007f4bb4400040'\n  ./program 2>&1 | kmem explain\n"
      "Exit status: 1 where nothing in the catalogue (kmem-messages(7)) is like it.");
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
  kmem::tool::PsOptions ps_options;
  kmem::tool::InspectOptions inspect_options;
  kmem::tool::TopOptions top_options;
  kmem::tool::ExporterOptions exporter_options;
  kmem::tool::MapOptions map_options;
  kmem::tool::RecordOptions record_options;
  kmem::tool::ProfileOptions profile_options;
  kmem::tool::PageOptions page_options;
  kmem::tool::DriverCommand driver(app);
  add_top(app, top_options);
  add_exporter(app, exporter_options);
  add_map(app, map_options);
  add_profile(app, profile_options);
  add_record(app, record_options);
  add_recording_page(app, page_options);
  add_gdb(app);
  add_inspect(app, inspect_options);
  add_ps(app, ps_options);
  add_run(app, run_options);
  add_fail_nth(app, fail_nth_options);
  add_validate(app, validate_options);
  add_show(app, "slabinfo", "the caches of a process, a core or a saved report, as /proc/slabinfo", show_options);
  add_show(app, "buddyinfo", "its free blocks by order, as /proc/buddyinfo", show_options);
  add_show(app, "zoneinfo", "its zones, as /proc/zoneinfo", show_options);
  add_show(app, "pagetypeinfo", "its free blocks by type, as /proc/pagetypeinfo", show_options);
  add_show(app, "meminfo", "its memory, as /proc/meminfo", show_options);
  add_show(app, "vmallocinfo", "its vmalloc areas, as /proc/vmallocinfo", show_options);
  add_show(app, "iomem", "its memory by address, and what was reserved at boot, as /proc/iomem", show_options);
  add_show(app, "json", "the report of a process, a core, or one process of a saved report, as JSON", show_options);
  add_show(app, "report", "the report that `kmem run --report` prints, with every cache", show_options);
  std::string shell;
  add_completion(app, shell);
  Words message;
  add_explain(app, message);

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
  if (chosen.get_name() == "driver") return driver.run(arguments.behind);
  if (chosen.get_name() == "inspect") return kmem::tool::inspect(inspect_options);
  if (chosen.get_name() == "top") return kmem::tool::top(top_options), 0;
  if (chosen.get_name() == "record") {
    record_options.command = command_of(chosen, arguments);
    if (!arguments.separated && (record_options.pid = process_number(record_options.command))) record_options.command.clear();
    return kmem::tool::record(record_options);
  }
  if (chosen.get_name() == "completion") return fmt::print("{}", kmem::tool::completion(app, shell)), 0;
  message.insert(message.end(), arguments.behind.begin(), arguments.behind.end());
  if (chosen.get_name() == "explain") return kmem::tool::explain(fmt::format("{}", fmt::join(message, " ")));
  if (chosen.get_name() == "profile") return kmem::tool::profile(profile_options), 0;
  if (chosen.get_name() == "show") return kmem::tool::show_recording(page_options), 0;
  if (chosen.get_name() == "map") return kmem::tool::map(map_options);
  if (chosen.get_name() == "exporter") return kmem::tool::export_metrics(exporter_options), 0;
  if (chosen.get_name() == "gdb") {
    Words words = chosen.remaining();
    words.insert(words.end(), arguments.behind.begin(), arguments.behind.end());
    kmem::tool::run_gdb(words);
  }
  if (chosen.get_name() == "ps") {
    kmem::tool::ps(ps_options);
    return 0;
  }
  if (chosen.get_name() != "run") {
    if (show_options.file.empty() && show_options.target.empty())
      throw kmem::tool::Failure(
          fmt::format("of what?  kmem {0} PID, kmem {0} CORE or kmem {0} --from FILE", chosen.get_name()));
    if (show_options.file.empty()) {
      kmem::tool::show_live(chosen.get_name(), show_options.target, show_options.module);
      return 0;
    }
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
