// Cache lines that one CPU writes and another touches, for each operation, on 1 to 64 simulated CPUs.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <utility>

#include "line_model.h"
#include "patterns.h"

extern "C" char __executable_start[];

namespace lines {
namespace {

constexpr uint32_t kCpus[] = {1, 2, 4, 8, 16, 32, 64};

constexpr const char kHelp[] =
    "usage: shared_lines [--pattern NAME] [--cpus N] [--tsv | --places | --check FILE | --self-test]\n"
    "Counts, on a simulated machine, how often a cache line goes from one CPU to another, for each operation.\n"
    "  --pattern NAME  only this one (see the table)\n"
    "  --cpus N        only on so many CPUs, 1 to 64\n"
    "  --tsv           one line for each figure: pattern, CPUs, operations, transfers, fences of all CPUs\n"
    "  --places        the ten places of the code that caused most transfers, as addresses for addr2line\n"
    "  --check FILE    compares with the figures of FILE, which --tsv wrote; exit status 1 if one is worse\n"
    "  --self-test     looks whether a bad pattern has a bad figure\n"
    "examples:\n"
    "  shared_lines\n"
    "  shared_lines --pattern server --cpus 64 --places | addr2line -Cfpe shared_lines\n"
    "  shared_lines --tsv > tests/lines/golden.tsv\n";

enum class Form : uint8_t { Table, Tsv, Places };

struct Choice {
  std::string pattern, golden;
  uint32_t cpus = 0;
  Form form = Form::Table;
  bool self_test = false;
};

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "shared_lines: %s\n%s", why.c_str(), kHelp);
  std::exit(2);
}

Choice choose(int argc, char** argv) {
  Choice choice;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--help") std::fputs(kHelp, stdout), std::exit(0);
    else if (word == "--pattern" && more) choice.pattern = argv[++i];
    else if (word == "--cpus" && more) choice.cpus = static_cast<uint32_t>(std::strtoul(argv[++i], nullptr, 10));
    else if (word == "--check" && more) choice.golden = argv[++i];
    else if (word == "--tsv") choice.form = Form::Tsv;
    else if (word == "--places") choice.form = Form::Places;
    else if (word == "--self-test") choice.self_test = true;
    else refuse("what does " + word + " mean here?");
  }
  if (choice.cpus > LineModel::kMostCpus) refuse("at most 64 CPUs");
  const auto& all = patterns();
  if (!choice.pattern.empty() &&
      std::none_of(all.begin(), all.end(), [&](const Pattern& p) { return p.name == choice.pattern; }))
    refuse("there is no pattern " + choice.pattern);
  return choice;
}

/// Calls visit(pattern, CPUs) for each figure that is asked for.
template <typename Visit>
void each_figure(const Choice& choice, Visit visit) {
  for (const Pattern& pattern : patterns()) {
    if (!choice.pattern.empty() && choice.pattern != pattern.name) continue;
    if (choice.cpus) visit(pattern, choice.cpus);
    else
      for (const uint32_t cpus : kCpus) visit(pattern, cpus);
  }
}

bool has_figure(const Pattern& pattern, uint32_t cpus) { return cpus >= 2 || !pattern.needs_partner; }

// Forms ----------------------------------------------------------------------------------------------------------------

void print_places() {
  for (const Place& place : model().busiest(10))
    std::printf("0x%lx\n", static_cast<unsigned long>(place.code - reinterpret_cast<uintptr_t>(__executable_start)));
}

void print_lines(const Choice& choice) {
  each_figure(choice, [&](const Pattern& pattern, uint32_t cpus) {
    if (!has_figure(pattern, cpus)) return;
    const Figure f = measure(pattern, cpus);
    if (choice.form == Form::Places) return print_places();
    std::printf("%s\t%u\t%lu\t%lu\t%lu\n", pattern.name, cpus, f.operations, f.transfers, f.fences);
    std::fflush(stdout);
  });
}

void print_table(const Choice& choice) {
  std::printf("%-18s", "CPUs");
  for (const uint32_t cpus : kCpus)
    if (!choice.cpus || choice.cpus == cpus) std::printf("%9u", cpus);
  std::printf("  one operation");
  const Pattern* row = nullptr;
  each_figure(choice, [&](const Pattern& pattern, uint32_t cpus) {
    if (row != &pattern) std::printf("%s%s\n%-18s", row ? "  " : "", row ? row->does : "", pattern.name);
    row = &pattern;
    if (has_figure(pattern, cpus)) std::printf("%9.4f", measure(pattern, cpus).per_operation());
    else std::printf("%9s", "");
    std::fflush(stdout);
  });
  std::printf("  %s\n", row ? row->does : "");
}

// Checks ---------------------------------------------------------------------------------------------------------------

using Golden = std::map<std::pair<std::string, uint32_t>, double>;

Golden read_golden(const std::string& path) {
  std::ifstream file(path);
  if (!file) refuse("cannot read " + path);
  Golden golden;
  std::string name;
  uint32_t cpus;
  double operations, transfers, fences;
  while (file >> name >> cpus >> operations >> transfers >> fences) golden[{name, cpus}] = transfers / operations;
  return golden;
}

/// Another compiler, or a call more in a slow path, moves a figure a little.  Zero stays zero, but for a first touch or two.
bool is_worse(double now, double golden) { return now > golden * 1.25 + (golden > 0 ? 0.003 : 0.0005); }

int check(const Choice& choice) {
  const Golden golden = read_golden(choice.golden);
  unsigned nr_figures = 0, nr_worse = 0;
  each_figure(choice, [&](const Pattern& pattern, uint32_t cpus) {
    if (!has_figure(pattern, cpus)) return;
    const auto at = golden.find({pattern.name, cpus});
    if (at == golden.end()) refuse("no figure of " + std::string(pattern.name) + " in the file: write it anew with --tsv");
    const double now = measure(pattern, cpus).per_operation();
    ++nr_figures;
    if (!is_worse(now, at->second)) return;
    ++nr_worse;
    std::printf("%s on %u CPUs: %.4f cache lines an operation, %.4f before; which ones: --places\n", pattern.name, cpus, now,
                at->second);
  });
  std::printf("%u figures, %u worse than in %s\n", nr_figures, nr_worse, choice.golden.c_str());
  return nr_worse ? 1 : 0;
}

struct Expectation {
  const char* what;
  bool holds;
};

int self_test() {
  LineModel m;
  const auto moved = [&](uint32_t cpu, uintptr_t address, Access access) {
    const uint64_t before = m.transfers();
    m.touch(cpu, address, 8, access, 1);
    return m.transfers() - before;
  };
  const bool first = !moved(0, 64, Access::Write) && !moved(0, 64, Access::Read);
  const bool fetched = moved(1, 100, Access::Read) == 1 && !moved(1, 64, Access::Read) && !moved(0, 64, Access::Read);
  const bool taken = moved(0, 64, Access::Write) == 1 && !moved(0, 64, Access::Write) && moved(1, 64, Access::Write) == 1;
  const bool spans = !moved(0, 252, Access::Write) && moved(1, 256, Access::Read) == 1;
  const Expectation all[] = {
      {"the first touch of a line and the owner's own are free", first},
      {"a line that another CPU wrote is fetched once", fetched},
      {"a write takes the line from those that have it", taken},
      {"an access that crosses a line touches both", spans},
      {"a counter that all CPUs write has a bad figure", is_worse(measure(planted(), 4).per_operation(), 0.1)},
      {"and a good one on one CPU", !is_worse(measure(planted(), 1).per_operation(), 0)},
  };
  bool good = true;
  for (const Expectation& e : all) {
    std::printf("%s: %s\n", e.holds ? "ok" : "WRONG", e.what);
    good &= e.holds;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace lines

int main(int argc, char** argv) {
  const lines::Choice choice = lines::choose(argc, argv);
  if (choice.self_test) return lines::self_test();
  if (!choice.golden.empty()) return lines::check(choice);
  if (choice.form == lines::Form::Table) lines::print_table(choice);
  else lines::print_lines(choice);
  return 0;
}
