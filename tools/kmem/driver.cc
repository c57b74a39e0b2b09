#include "driver.h"

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include "commands.h"
#include "driver_build.h"
#include "driver_run.h"
#include "failure.h"

namespace kmem::tool {
namespace {

using Words = std::vector<std::string>;

constexpr char kExamples[] = R"(Examples:
  kmem driver build scull/*.c -o scull.kmo       one module of all these files; --asan, --tsan, --ubsan, --coverage
  kmem driver cflags                             for a makefile of one's own; --libs: for the linker

  kmem driver run scull.kmo scull_nr_devs=4 -- dd if=/dev/zero of=/dev/scull0 bs=1k count=100
                                                 the module in a process, its nodes for dd
  kmem driver run scull.kmo -- sh                a shell, and all that it starts
  kmem driver run --fail-nth scull.kmo -- ./exercise
                                                 again and again, each time another allocation of the driver fails
  kmem driver start scull.kmo                    it stays, for several programs:
  kmem driver run --on driver -- cat /dev/scull0
  kmem driver stop                               refused while one of its files is open

  kmem driver kunit tests.c                      KTAP on standard output
  kmem driver reload scull.kmo                   loaded and unloaded 1,000 times: is anything lost?

Exit status of run: the program's own; 125 where the driver crashed, could not be unloaded, or lost memory or was reported for
a mistake (WARNING, BUG) and the program ended with 0.  Of run --fail-nth: 1 where something was found.  Of kunit: 1 where a case failed.)";

}  // namespace

struct DriverCommand::Options {
  BuildOptions build;
  DriverRunOptions running;
  bool libs = false, fails = false;
  CLI::App *driver = nullptr, *build_app = nullptr, *cflags_app = nullptr, *run_app = nullptr, *start_app = nullptr,
           *stop_app = nullptr, *kunit_app = nullptr, *reload_app = nullptr;

  void add_sanitizers(CLI::App& app) {
    app.add_flag("--asan", build.asan, "with AddressSanitizer");
    app.add_flag("--tsan", build.tsan, "with ThreadSanitizer")->excludes("--asan");
    app.add_flag("--ubsan", build.ubsan, "with UndefinedBehaviorSanitizer");
    app.add_flag("--coverage", build.coverage, "counts which lines run, for gcov");
  }

  void add_build() {
    CLI::App& app = *driver->add_subcommand("build", "compile a module: kmem driver build SOURCES -o X.kmo");
    app.add_option("sources", build.sources, "files in C; each option that is not one of these is the compiler's")
        ->type_name("SOURCES")
        ->required();
    app.add_option("-o,--output", build.output, "the module; else the first source's name with .kmo")->type_name("X.kmo");
    app.add_option("--cc", build.compiler, "the compiler; else $CC, else cc")->type_name("PROGRAM");
    add_sanitizers(app);
    app.allow_extras();
    build_app = &app;
  }

  void add_of_host(CLI::App& app) {
    add_boot(app, running.boot_words, "boot words of the driver's kmem, added to those in the variable KMEM");
    app.add_flag("--no-leaks", running.no_leaks, "do not look for lost memory when the module is unloaded");
  }

  void add_mistakes(CLI::App& app) {
    app.add_flag("--allow-mistakes", running.mistakes_pass,
                 "a report of a mistake (WARNING, BUG) does not change the exit status");
  }

  void add_run() {
    CLI::App& app =
        *driver->add_subcommand("run", "run a program on a module: kmem driver run X.kmo [PARAMETER=VALUE] -- PROGRAM");
    app.add_option("modules", running.words, "modules, each with its parameters behind it")->type_name("X.kmo|PARAMETER=VALUE");
    app.add_option("--on", running.name, "instead: the driver of that name, which kmem driver start has started")
        ->type_name("NAME");
    app.add_flag("--fail-nth", fails, "again and again, each time another allocation of the driver fails");
    app.add_option("--from", running.fail_from, "of --fail-nth: begin with this n")->type_name("N")->check(CLI::PositiveNumber);
    app.add_option("--to", running.fail_to, "of --fail-nth: end with this n")->type_name("N")->check(CLI::PositiveNumber);
    app.add_option("--timeout", running.timeout, "of --fail-nth: seconds that a run may take")
        ->type_name("S")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    app.add_flag("--show-output", running.show_output, "of --fail-nth: let all output through");
    add_of_host(app);
    add_mistakes(app);
    run_app = &app;
  }

  void add_start_and_stop() {
    running.name.clear();
    CLI::App& start = *driver->add_subcommand("start", "load a module that stays, for several programs");
    start.add_option("modules", running.words, "modules, each with its parameters behind it")
        ->type_name("X.kmo|PARAMETER=VALUE")
        ->required();
    CLI::App& stop = *driver->add_subcommand("stop", "unload it, unless one of its files is open");
    for (CLI::App* app : {&start, &stop})
      app->add_option("--name", running.name, "its name; else driver, where there is no need for several")->type_name("NAME");
    add_of_host(start);
    add_mistakes(start);
    start_app = &start;
    stop_app = &stop;
  }

  void add_reload() {
    CLI::App& app = *driver->add_subcommand("reload", "load modules and unload them, again and again: what does that lose?");
    app.add_option("modules", running.words, "modules, each with its parameters behind it")
        ->type_name("X.kmo|PARAMETER=VALUE")
        ->required();
    app.add_option("--times", running.times, "how often")->type_name("N")->check(CLI::Range(1, 1000000))->capture_default_str();
    add_of_host(app);
    add_mistakes(app);
    reload_app = &app;
  }

  void add_kunit() {
    CLI::App& app = *driver->add_subcommand("kunit", "run the KUnit suites of a module, or of sources in C");
    app.add_option("modules", running.words, "X.kmo and its parameters, or sources, which are built first")
        ->type_name("X.kmo|SOURCES")
        ->required();
    add_sanitizers(app);
    add_of_host(app);
    app.allow_extras();
    kunit_app = &app;
  }

  int run_suites() {
    const std::string& first = running.words[0];
    if (first.size() > 4 && first.compare(first.size() - 4, 4, ".kmo") == 0) return driver_kunit(running);
    const std::filesystem::path made = std::filesystem::path(first).filename().replace_extension(".kmo");
    build.sources = running.words;
    build.more = kunit_app->remaining();
    build.output = made.string();
    if (const int status = build_module(build)) return status;
    running.words = {made.string()};
    return driver_kunit(running);
  }

  void add_cflags() {
    CLI::App& app = *driver->add_subcommand("cflags", "print what a module is compiled with");
    app.add_flag("--libs", libs, "what it is linked with instead");
    add_sanitizers(app);
    cflags_app = &app;
  }
};

DriverCommand::DriverCommand(CLI::App& app) : options_(std::make_unique<Options>()), app_(app) {
  Options& o = *options_;
  o.driver = app_.add_subcommand("driver", "build a kernel module, and run programs on its devices");
  o.driver->require_subcommand(1);
  o.driver->footer(kExamples);
  o.add_build();
  o.add_cflags();
  o.add_run();
  o.add_start_and_stop();
  o.add_kunit();
  o.add_reload();
}

const CLI::App& DriverCommand::word() const { return *options_->driver; }

DriverCommand::~DriverCommand() = default;

int DriverCommand::run(const std::vector<std::string>& behind) {
  Options& o = *options_;
  o.running.command = behind;
  if (o.run_app->parsed()) return o.fails ? driver_fail_nth(o.running) : driver_run(o.running);
  if ((o.start_app->parsed() || o.stop_app->parsed()) && o.running.name.empty()) o.running.name = "driver";
  if (o.start_app->parsed()) return driver_start(o.running);
  if (o.stop_app->parsed()) return driver_stop(o.running);
  if (o.kunit_app->parsed()) return o.run_suites();
  if (o.reload_app->parsed()) return driver_reload(o.running);
  if (o.cflags_app->parsed()) {
    fmt::print("{}\n", quoted(o.libs ? link_words(o.build) : compile_words(o.build)));
    return 0;
  }
  o.build.more = o.build_app->remaining();
  return build_module(o.build);
}

}  // namespace kmem::tool
