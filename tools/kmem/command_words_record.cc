// The words of kmem that record over time: profile, record, show.

#include <CLI/CLI.hpp>
#include <memory>

#include "commands.h"
#include "profile.h"
#include "record.h"
#include "recording_page.h"

namespace kmem::tool {
namespace {

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

void add_profile(Commands& all) {
  const auto options = std::make_shared<ProfileOptions>();
  CLI::App& sub = all.add("profile", "which code of a process allocates: tables, flame graphs, pprof");
  sub.add_option("source", options->source, "a process, or a profile that was saved as JSON")
      ->required()
      ->type_name("PID|FILE");
  sub.add_option("--seconds", options->seconds, "sample for so long")
      ->type_name("S")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub.add_option("--period", options->period, "bytes between two samples, on average")
      ->type_name("SIZE")
      ->capture_default_str();
  sub.add_option("-o,--output", options->output, "write it there; else a table on standard output")->type_name("FILE");
  sub.add_option("--format", options->format,
                 "text, folded, html, json, speedscope or pprof; else by the name of FILE, or pprof")
      ->check(CLI::IsMember({"text", "folded", "html", "json", "speedscope", "pprof"}));
  sub.add_option("--diff", options->base, "subtract what was saved as JSON")->type_name("BASE");
  sub.add_flag("--since-start", options->since_start,
               "all that was allocated since the process began to sample, as by the word profile=");
  sub.add_flag("--allocated", options->allocated, "of text and folded: all that was allocated, not what is alive");
  sub.add_option("--limit", options->limit, "chains of callers in the table; 0: all")->type_name("N")->capture_default_str();
  add_module(sub, options->module);
  sub.footer(kProfileExamples);
  all.on(sub, [options](const Arguments&) { return profile(*options), 0; });
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

void add_record(Commands& all) {
  const auto options = std::make_shared<RecordOptions>();
  CLI::App& sub = all.add("record", "record how the heap of a program or a process changes, for kmem show");
  sub.add_option("-o,--output", options->output, "the recording")->type_name("FILE")->capture_default_str();
  sub.add_option("--rate", options->rate, "samples a second")
      ->type_name("N")
      ->check(CLI::Range(0.001, 1000.0))
      ->capture_default_str();
  sub.add_option("--map-rate", options->map_rate, "page maps a second")
      ->type_name("N")
      ->check(CLI::Range(0.001, 100.0))
      ->capture_default_str();
  sub.add_option("--cells", options->cells, "of a page map, at most about so many; with more frames, a cell is several")
      ->type_name("N")
      ->check(CLI::Range(64, 1000000))
      ->capture_default_str();
  sub.add_option("--seconds", options->seconds, "end after so many; else with the process")
      ->type_name("S")
      ->check(CLI::PositiveNumber);
  sub.add_option("--limit", options->megabytes, "of the file, in MiB")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  add_preload(sub, options->boot_words, options->library);
  add_module(sub, options->module);
  sub.footer(kRecordExamples);
  sub.prefix_command();
  all.on(sub, [options, &sub](const Arguments& given) {
    options->command = command_of(sub, given);
    if (!given.separated && (options->pid = process_number(options->command))) options->command.clear();
    return record(*options);
  });
}

void add_recording_page(Commands& all) {
  const auto options = std::make_shared<PageOptions>();
  CLI::App& sub = all.add("show", "make a page of a recording, for a browser; it needs no network");
  sub.add_option("recording", options->recording, "what kmem record wrote")->required()->type_name("FILE");
  sub.add_option("-o,--output", options->output, "the page; else FILE.html")->type_name("PAGE");
  sub.footer(
      "Examples:\n  kmem show kmem.recording                   writes kmem.recording.html\n"
      "  kmem show -o leak.html leak.rec");
  all.on(sub, [options](const Arguments&) { return show_recording(*options), 0; });
}

}  // namespace

void add_recording(Commands& all) {
  add_profile(all);
  add_record(all);
  add_recording_page(all);
}

}  // namespace kmem::tool
