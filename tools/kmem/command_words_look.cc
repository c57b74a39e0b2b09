// The words of kmem that look at a process that runs, at a core file or at a saved report.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "commands.h"
#include "exporter.h"
#include "failure.h"
#include "gdb.h"
#include "inspect.h"
#include "map.h"
#include "ps.h"
#include "show.h"
#include "top.h"

namespace kmem::tool {
namespace {

void add_ps(Commands& all) {
  const auto options = std::make_shared<PsOptions>();
  CLI::App& sub = all.add("ps", "the processes of this host that run on kmem, started with it in mind or not");
  sub.add_flag("--json", options->json, "the report of each, as JSON");
  sub.add_option("--sort", options->sort, "by held, resident, out or pid")
      ->check(CLI::IsMember({"held", "resident", "out", "pid"}))
      ->capture_default_str();
  all.on(sub, [options](const Arguments&) { return ps(*options), 0; });
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

void add_inspect(Commands& all) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App& sub = all.add("inspect", "look into the heap of a process that runs, or of a core file");
  sub.add_option("target", options->target, "a process, or a core file")->required()->type_name("PID|CORE");
  sub.add_option("what", options->what, "the question")
      ->type_name("WHAT")
      ->capture_default_str()
      ->check(CLI::IsMember(
          {"status", "caches", "cache", "whatis", "frame", "vmalloc", "percpu", "pools", "verify", "dump", "refs", "leaks"}));
  sub.add_option("words", options->words, "a name, an address or a number, as the question needs it")->type_name("WORD");
  sub.add_flag("--json", options->json, "the answer as JSON");
  sub.add_flag("--stop", options->stop,
               "stop all threads of the process meanwhile: their registers are known then, and nothing moves");
  sub.add_option("--limit", options->limit, "lines; 0 for all")->type_name("N")->capture_default_str();
  sub.add_option("--state", options->state, "of cache: which objects")
      ->check(CLI::IsMember({"out", "free", "cached", "held", "all"}))
      ->capture_default_str();
  sub.add_option("--sort", options->sort, "of cache: age, the oldest first")->check(CLI::IsMember({"address", "age"}));
  sub.add_flag("--objects", options->objects, "of verify: look at every object of caches with red zones or poison too");
  sub.add_option("--looks", options->looks, "of leaks and verify, where the process runs: all of so many looks must find it")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_module(sub, options->module);
  sub.footer(kInspectExamples);
  all.on(sub, [options](const Arguments&) { return inspect(*options); });
}

constexpr char kTopKeys[] =
    R"(The screen shows the caches of a process, or the processes that run on kmem: what they hold, and how it has GROWN since kmem top
began, and PER SECond.  The row that grew most is bold, and named above the table.  MISS/S: calls a second that left the fast path.

Keys: q quit; s sort by held, grown, rate, use, misses, name; / filter by name; space freeze; up and down, enter: open a process, or a
cache's call sites (kept where the process was started with KMEM="slub_debug=U"); esc back; + and - the interval.

  kmem top                            all processes
  kmem top 4711                       one
  kmem top 4711 --batch --count 2 --interval 10 --sort grown   for pipes)";

void add_top(Commands& all) {
  const auto options = std::make_shared<TopOptions>();
  CLI::App& sub = all.add("top", "what grows: the caches of a process, or the processes on kmem, live");
  sub.add_option("pid", options->pid, "a process; else all that run on kmem")->type_name("PID")->check(CLI::PositiveNumber);
  sub.add_flag("--batch", options->batch, "print every look, and need no terminal");
  sub.add_option("--interval", options->interval, "seconds between looks")
      ->type_name("S")
      ->check(CLI::Range(0.05, 3600.0))
      ->capture_default_str();
  sub.add_option("--count", options->count, "end after so many looks; 0: never")->type_name("N")->capture_default_str();
  sub.add_option("--sort", options->sort, "by held, grown, rate (of growth), use, misses or name")
      ->check(CLI::IsMember({"held", "grown", "rate", "use", "misses", "name"}))
      ->capture_default_str();
  sub.add_option("--filter", options->filter, "only rows whose name contains this")->type_name("TEXT");
  add_module(sub, options->module);
  sub.footer(kTopKeys);
  all.on(sub, [options](const Arguments&) { return top(*options), 0; });
}

constexpr char kExporterExamples[] =
    R"(Serves http://ADDRESS:PORT/metrics, as Prometheus scrapes it, or as OpenMetrics where that is accepted.  It looks when it is asked, and
only from outside: no process that it shows has a thread, a socket or a file of it.  Labels: pid, comm, cgroup; of caches their name,
of zones node and zone.  docs/inspecting.md lists the metrics; docs/grafana-dashboard.json shows them.

  kmem exporter --listen 127.0.0.1:9469
  kmem exporter --once > /var/lib/node_exporter/kmem.prom)";

void add_exporter(Commands& all) {
  const auto options = std::make_shared<ExporterOptions>();
  CLI::App& sub = all.add("exporter", "serve the figures of all processes on kmem as Prometheus metrics");
  sub.add_option("--listen", options->listen, "where; port 0 is any, which is then printed")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  sub.add_option("--processes", options->most_processes, "at most so many, those that hold the most")
      ->type_name("N")
      ->capture_default_str();
  sub.add_option("--caches", options->most_caches, "of each process so many caches; the rest is cache=\"other\"")
      ->type_name("N")
      ->capture_default_str();
  CLI::Option* once = sub.add_flag("--once", options->once, "print them once instead, and end");
  sub.add_flag("--openmetrics", options->open_metrics, "in OpenMetrics' form")->needs(once);
  sub.footer(kExporterExamples);
  all.on(sub, [options](const Arguments&) { return export_metrics(*options), 0; });
}

constexpr char kMapExamples[] =
    R"(Each cell is a page frame, or several neighbours where there are many: free, of a slab of which cache, with the program.  A small
letter is a slab of which the program has less than half: why memory is not given back.  docs/recording.md explains the picture.

  kmem map 4711
  kmem map core.4711 --color never --width 64     in plain letters, 64 cells in a row)";

void add_map(Commands& all) {
  const auto options = std::make_shared<MapOptions>();
  CLI::App& sub = all.add("map", "what each page frame of a process or a core is used for, as a picture");
  sub.add_option("target", options->target, "a process, or a core file")->required()->type_name("PID|CORE");
  sub.add_option("--color", options->color, "auto, always or never; without colours a letter says all")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  sub.add_option("--width", options->width, "cells in a row; else as the terminal")->type_name("N")->check(CLI::Range(8, 4096));
  sub.add_option("--rows", options->rows, "about so many rows at most: that decides how many frames a cell is")
      ->type_name("N")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  sub.add_flag("--json", options->json, "the map as JSON");
  add_module(sub, options->module);
  sub.footer(kMapExamples);
  all.on(sub, [options](const Arguments&) { return map(*options); });
}

constexpr char kGdbExamples[] =
    R"(Starts gdb with a command `kmem` whose words are those of kmem inspect; addresses can be gdb's expressions.

  kmem gdb -p 4711                    then, in gdb:  kmem status
  kmem gdb ./server core              then:          kmem whatis request->buffer
                                                     kmem refs $rdi)";

void add_gdb(Commands& all) {
  CLI::App& sub = all.add("gdb", "gdb, with commands that look into the heap: kmem gdb [ARGUMENTS of gdb]");
  sub.footer(kGdbExamples);
  sub.prefix_command();
  all.on(sub, [&sub](const Arguments& given) -> int {
    std::vector<std::string> words = sub.remaining();
    words.insert(words.end(), given.behind.begin(), given.behind.end());
    run_gdb(words);
  });
}

struct ShowOptions {
  std::string file, target, module;
  int pid = 0;
};

void show_one(const std::string& what, const ShowOptions& options) {
  if (!options.file.empty()) return show(what, options.file, options.pid);
  if (options.target.empty()) throw Failure(fmt::format("of what?  kmem {0} PID, kmem {0} CORE or kmem {0} --from FILE", what));
  show_live(what, options.target, options.module);
}

void add_show(Commands& all, const std::string& name, const std::string& description) {
  const auto options = std::make_shared<ShowOptions>();
  CLI::App& show = all.add(name, description);
  CLI::Option* target =
      show.add_option("target", options->target, "a process that runs, or a core file")->type_name("PID|CORE");
  CLI::Option* from = show.add_option("--from", options->file, "instead: what `kmem run --json` or KMEM_REPORT wrote");
  from->type_name("FILE")->excludes(target);
  show.add_option("--pid", options->pid, "which process of that file, where there are several")->type_name("PID")->needs(from);
  add_module(show, options->module);
  all.on(show, [options, name](const Arguments&) { return show_one(name, *options), 0; });
}

constexpr struct {
  const char *name, *description;
} kShown[] = {
    {"slabinfo", "the caches of a process, a core or a saved report, as /proc/slabinfo"},
    {"buddyinfo", "its free blocks by order, as /proc/buddyinfo"},
    {"zoneinfo", "its zones, as /proc/zoneinfo"},
    {"pagetypeinfo", "its free blocks by type, as /proc/pagetypeinfo"},
    {"meminfo", "its memory, as /proc/meminfo"},
    {"vmallocinfo", "its vmalloc areas, as /proc/vmallocinfo"},
    {"iomem", "its memory by address, and what was reserved at boot, as /proc/iomem"},
    {"json", "the report of a process, a core, or one process of a saved report, as JSON"},
    {"report", "the report that `kmem run --report` prints, with every cache"},
};

}  // namespace

void add_looking(Commands& all) {
  add_top(all);
  add_exporter(all);
  add_map(all);
  add_gdb(all);
  add_inspect(all);
  add_ps(all);
  for (const auto& shown : kShown) add_show(all, shown.name, shown.description);
}

}  // namespace kmem::tool
