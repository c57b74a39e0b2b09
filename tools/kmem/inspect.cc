// kmem inspect: questions about the heap of a process or a core, and their answers for people.

#include "inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <iostream>
#include <map>
#include <set>

#include "../look/questions.h"
#include "../look/symbols.h"
#include "failure.h"
#include "saved_report.h"
#include "summary.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

constexpr int kBroken = 1, kNotAll = 2;
constexpr unsigned kPatience = 10;  // seconds for each of CPU time: other programs go first

uint64_t number(const std::string& word, const char* what) {
  size_t end = 0;
  try {
    const uint64_t value = std::stoull(word, &end, 0);
    if (end == word.size()) return value;
  } catch (const std::exception&) {
  }
  throw Failure(fmt::format("{} is no {}", word, what));
}

std::string time_text(uint64_t ns) {
  const double s = static_cast<double>(ns) / 1e9;
  return s < 1      ? fmt::format("{:.0f} ms", s * 1e3)
         : s < 120  ? fmt::format("{:.1f} s", s)
         : s < 7200 ? fmt::format("{:.0f} min", s / 60)
                    : fmt::format("{:.1f} h", s / 3600);
}

/// One run of the command.
class Inspection {
 public:
  explicit Inspection(const InspectOptions& options)
      : options_(options),
        target_(open_target(options.target, options.stop ? Meanwhile::Stands : Meanwhile::Runs)),
        place_(find_kmem(*target_, options.module)) {}

  int run();

 private:
  // The questions, by name.
  int status();
  int caches();
  int cache();
  int whatis();
  int frame();
  int vmalloc();
  int percpu();
  int pools();
  int verify();
  int dump();
  int refs();
  int leaks();

  Answers ask(const std::function<void(Looker&)>& question) {
    Answers answers = look(*target_, place_, question, kPatience * seconds_for_all(*target_));
    if (answers.conflict) {
      target_.reset();  // what it had stopped goes on
      start_over();
    }
    return answers;
  }
  std::string word(size_t i, const char* what) const {
    if (i >= options_.words.size())
      throw Failure(fmt::format("kmem inspect {} {} needs {}", options_.target, options_.what, what));
    return options_.words[i];
  }
  const Symbols& symbols() {
    if (!symbols_) symbols_ = std::make_unique<Symbols>(*target_);
    return *symbols_;
  }
  int print(const Answers& answers, const json& value);
  int end(const Answers& answers, int status = 0) const;
  void print_object(const json& object);
  void print_owner(const char* what, const json& owner);
  /// Code of kmem's own library.
  bool is_ours(uint64_t address) const {
    const Range* range = target_->range_of(address);
    return range && range->path == place_.module && place_.module.find("libkmem") != std::string::npos;
  }
  std::string source_text(const json& source);
  std::set<std::string> broken_in(const Answers& answers) const;
  void print_leak_groups(const std::vector<json>& leaks);
  std::vector<json> leaks_that_stay(json& totals, Answers& last);

  const InspectOptions& options_;
  std::unique_ptr<Target> target_;
  KmemPlace place_;
  std::unique_ptr<Symbols> symbols_;
};

int Inspection::end(const Answers& answers, int status) const {
  for (const json& skipped : answers.skipped)
    fmt::print(stderr, "kmem: not read: {}{}: {}\n", skipped["part"].get<std::string>(), skipped["name"].get<std::string>(),
               skipped["why"].get<std::string>());
  if (answers.lost_bytes) fmt::print(stderr, "kmem: {} went away while they were read\n", size_text(answers.lost_bytes));
  if (!answers.trouble.empty()) fmt::print(stderr, "kmem: the look is not complete: {}\n", answers.trouble);
  const bool all = answers.skipped.empty() && answers.trouble.empty();
  return status ? status : all ? 0 : kNotAll;
}

/// The answer as JSON, with what is missing.
int Inspection::print(const Answers& answers, const json& value) {
  json out = value.is_object() ? value : json{{"list", value}};
  out["skipped"] = answers.skipped;
  out["lost_bytes"] = answers.lost_bytes;
  if (!answers.trouble.empty()) out["trouble"] = answers.trouble;
  fmt::print("{}\n", out.dump(2, ' ', false, json::error_handler_t::replace));
  return answers.skipped.empty() && answers.trouble.empty() ? 0 : kNotAll;
}

std::vector<json> all_of(const Answers& answers, const char* member) {
  std::vector<json> list;
  for (const json& answer : answers.all)
    if (answer.contains(member)) list.push_back(answer[member]);
  return list;
}

json only(const Answers& answers, const char* member) {
  const json* found = answers.find(member);
  return found ? (*found)[member] : json();
}

int Inspection::status() {
  const json report = report_of(*target_, place_);
  if (options_.json) return fmt::print("{}\n", report.dump(2, ' ', false, json::error_handler_t::replace)), 0;
  const SavedReport saved(report);
  const size_t threads = target_->threads().size();
  fmt::print("kmem {} in {}, {} {} ({}), {}\n{}", saved.system().version, place_.module,
             target_->is_core() ? "core of process" : "process", target_->pid(), target_->name(),
             threads == 1 ? "1 thread" : fmt::format("{} threads", threads), describe_process(saved.system(), 10, Moment::Now));
  Answers skipped;
  for (const json& one : report["skipped"]) skipped.skipped.push_back(one);
  return end(skipped);
}

int Inspection::caches() {
  const json report = report_of(*target_, place_);
  if (options_.json) return fmt::print("{}\n", report["caches"].dump(2, ' ', false, json::error_handler_t::replace)), 0;
  const SavedReport saved(report);
  fmt::print("{}", describe_caches(saved.system(), options_.limit ? options_.limit : ~size_t{0}));
  return 0;
}

void Inspection::print_owner(const char* what, const json& owner) {
  fmt::print("  {} {}cpu {}, task {}\n", what,
             owner.contains("age") && !target_->is_core() ? time_text(owner["age"]) + " ago, " : "", owner["cpu"].get<int>(),
             owner["task"].get<int>());
  const json& callers = owner["callers"];
  size_t ours = 0;
  while (ours < callers.size() && is_ours(callers[ours])) ++ours;
  for (size_t i = ours < callers.size() ? ours : 0; i < callers.size(); ++i) fmt::print("    {}\n", symbols().name(callers[i]));
}

int Inspection::cache() {
  const std::string name = word(0, "the name of a cache");
  const bool by_age = options_.sort == "age";
  const ObjectWish wish{name, options_.state, by_age ? 0 : options_.limit};
  const Answers answers = ask([&](Looker& looker) { ask_objects(looker, wish); });
  const json cache = only(answers, "cache");
  if (cache.is_null() && answers.skipped.empty()) throw Failure(fmt::format("there is no cache {}", name));
  std::vector<json> objects = all_of(answers, "object");
  const auto when = [](const json& o) { return o.contains("allocated") ? o["allocated"]["when"].get<uint64_t>() : 0; };
  if (by_age) std::stable_sort(objects.begin(), objects.end(), [&](const json& a, const json& b) { return when(a) < when(b); });
  if (options_.limit && objects.size() > options_.limit) objects.resize(options_.limit);
  if (options_.json) return print(answers, {{"cache", cache}, {"objects", objects}});
  fmt::print("cache {}: objects of {} bytes, {} apart, {} a slab, {} slabs\n", name, cache.value("object_size", 0),
             cache.value("stride", 0), cache.value("objects_per_slab", 0), cache.value("slabs", 0));
  for (const json& object : objects) {
    fmt::print("{:#x} {:>8} {}\n", object["start"].get<uint64_t>(), object["size"].get<uint64_t>(),
               object["state"].get<std::string>());
    if (object.contains("allocated")) print_owner("allocated", object["allocated"]);
    if (object.contains("freed")) print_owner("freed", object["freed"]);
  }
  if (options_.limit && objects.size() == options_.limit) fmt::print("(--limit 0 lists all)\n");
  return end(answers);
}

constexpr const char* kZones[] = {"DMA", "DMA32", "Normal", "HighMem"};

void Inspection::print_object(const json& o) {
  const uint64_t address = o["address"];
  const std::string kind = o["kind"];
  fmt::print("{:#x} is ", address);
  if (kind == "not kmem's") {
    const Range* range = target_->range_of(address);
    const std::string symbol = symbols().data(address);
    fmt::print("not kmem's: {}{}{}\n",
               !range                ? "nothing is there"
               : range->path.empty() ? "anonymous memory"
                                     : range->path,
               symbol.empty() ? "" : ", ", symbol);
    return;
  }
  if (kind == "kmem") return fmt::print("{}\n", o["what"].get<std::string>());
  const bool inside = o.contains("start");
  if (inside)
    fmt::print("{} bytes into {:#x}, {} {}{} bytes, {}", o["offset"].get<uint64_t>(), o["start"].get<uint64_t>(),
               o.contains("cache") ? "an object of cache " + o["cache"].get<std::string>() + "," : "a block (" + kind + "),",
               "", o["size"].get<uint64_t>(), o["state"].get<std::string>());
  else fmt::print("{}{}", kind, o.contains("cache") ? " of cache " + o["cache"].get<std::string>() : "");
  fmt::print("\n");
  if (o.contains("frame"))
    fmt::print("  frame {}, zone {}, node {}\n", o["frame"].get<uint64_t>(), kZones[o.value("zone", 2u) % 4],
               o.value("node", 0));
  if (o.contains("slab"))
    fmt::print("  slab at frame {}: {} of {} objects free\n", o["slab"]["frame"].get<uint64_t>(), o["slab"]["free"].get<int>(),
               o["slab"]["objects"].get<int>());
  for (const char* side : {"before", "behind"})
    if (o.contains(side))
      fmt::print("  {} it {:#x}, {}\n", side, o[side]["start"].get<uint64_t>(), o[side]["state"].get<std::string>());
  if (o.contains("caller")) fmt::print("  made by {}\n", symbols().name(o["caller"]));
  if (o.contains("allocated")) print_owner("allocated", o["allocated"]);
  if (o.contains("freed")) print_owner("freed", o["freed"]);
}

int Inspection::whatis() {
  const uint64_t address = number(word(0, "an address"), "address");
  const Answers answers = ask([&](Looker& looker) { ask_whatis(looker, address); });
  const json object = only(answers, "object");
  if (options_.json) return print(answers, object);
  if (!object.is_null()) print_object(object);
  return end(answers);
}

int Inspection::frame() {
  const uint64_t pfn = number(word(0, "a frame's number"), "number");
  const Answers answers = ask([&](Looker& looker) { ask_frame(looker, pfn); });
  const json f = only(answers, "frame");
  if (options_.json) return print(answers, f);
  if (f.is_null()) return end(answers);
  if (!f["online"].get<bool>()) return fmt::print("frame {}: there is no memory behind it\n", pfn), end(answers);
  fmt::print("frame {} at {:#x}: {}, descriptor at {:#x}: {}, order {}, {} references, class {}\n", pfn,
             f["address"].get<uint64_t>(), f["free"].get<bool>() ? "free" : "in use", f["descriptor"].get<uint64_t>(),
             f["kind"].get<std::string>(), f["order"].get<int>(), f["references"].get<uint64_t>(), f["class"].get<int>());
  print_object(f["at"]);
  return end(answers);
}

int Inspection::vmalloc() {
  const json report = report_of(*target_, place_);
  if (options_.json) return fmt::print("{}\n", report["vmalloc"].dump(2)), 0;
  const json& v = report["vmalloc"];
  fmt::print("window {:#x}, {}: {} used, {} areas, {} pages; largest free stretch {}\n", v.value("window_start", uint64_t{0}),
             size_text(v.value("window_bytes", uint64_t{0})), size_text(v.value("used_bytes", uint64_t{0})),
             v.value("areas", 0), v.value("pages", 0), size_text(v.value("largest_free_bytes", uint64_t{0})));
  for (const json& a : v["list"])
    fmt::print("{:#x}-{:#x} {:>10} {:<10} {} pages, {}{}\n", a["start"].get<uint64_t>(), a["end"].get<uint64_t>(),
               size_text(a["end"].get<uint64_t>() - a["start"].get<uint64_t>()), a.value("kind", ""), a.value("pages", 0),
               symbols().name(a.value("caller", uint64_t{0})), a.value("lazy", false) ? ", freed" : "");
  return 0;
}

int Inspection::percpu() {
  const Answers answers = ask(ask_percpu);
  const json all = only(answers, "percpu");
  const std::vector<json> chunks = all_of(answers, "chunk");
  if (options_.json) return print(answers, {{"percpu", all}, {"chunks", chunks}});
  if (!all.is_null())
    fmt::print("{} copies for {} CPUs, {} used, {}\n", all["copies"].get<int>(), all["cpus"].get<int>(),
               all["used_copies"].get<int>(), all["sequences"].get<bool>() ? "restartable sequences" : "atomic instructions");
  for (const json& c : chunks)
    fmt::print("chunk {} at {:#x}: {} of {} used, longest free piece {}\n", c["index"].get<int>(),
               c["variables"].get<uint64_t>(), size_text(c["used_bytes"]), size_text(c["bytes"]),
               size_text(c["longest_free_bytes"]));
  return end(answers);
}

int Inspection::pools() {
  const Answers answers = ask(ask_pools);
  const std::vector<json> pools = all_of(answers, "pool");
  if (options_.json) return print(answers, pools);
  if (pools.empty()) fmt::print("there is no pool\n");
  for (const json& p : pools)
    fmt::print("{:#x}: {} of {} held back, {} out, {} waiting; {}\n", p["address"].get<uint64_t>(), p["reserved"].get<int>(),
               p["min_nr"].get<int>(), p["out"].get<int64_t>(), p["waiting"].get<int>(), symbols().name(p["alloc"], false));
  return end(answers);
}

std::set<std::string> Inspection::broken_in(const Answers& answers) const {
  std::set<std::string> broken;
  for (const json& v : all_of(answers, "violation"))
    broken.insert(fmt::format("{}: {} (at {:#x}: {}, not {})", v["part"].get<std::string>(), v["rule"].get<std::string>(),
                              v["where"].get<uint64_t>(), v["got"].get<uint64_t>(), v["want"].get<uint64_t>()));
  for (const json& s : answers.skipped)
    broken.insert(
        fmt::format("{}{}: {}", s["part"].get<std::string>(), s["name"].get<std::string>(), s["why"].get<std::string>()));
  return broken;
}

// What other threads are in the middle of looks broken once: what is broken is so in each of several looks.
int Inspection::verify() {
  const bool still = target_->is_core() || options_.stop;
  Answers answers =
      ask([&](Looker& looker) { ask_verify(looker, options_.objects ? Validated::Objects : Validated::Structures); });
  std::set<std::string> broken = broken_in(answers);
  for (int i = 1; !still && i < options_.looks && !broken.empty(); ++i) {
    answers = ask([&](Looker& looker) { ask_verify(looker, options_.objects ? Validated::Objects : Validated::Structures); });
    const std::set<std::string> now = broken_in(answers);
    std::set<std::string> both;
    std::set_intersection(broken.begin(), broken.end(), now.begin(), now.end(), std::inserter(both, both.begin()));
    broken = both;
  }
  const uint64_t damaged =
      options_.objects ? only(answers, "damaged").is_null() ? 0 : only(answers, "damaged").get<uint64_t>() : 0;
  const bool ended = answers.trouble.empty();
  if (options_.json) {
    fmt::print(
        "{}\n",
        json{{"broken", broken}, {"damaged_objects", damaged}, {"said", only(answers, "said")}, {"trouble", answers.trouble}}
            .dump(2, ' ', false, json::error_handler_t::replace));
  } else {
    for (const std::string& one : broken) fmt::print("broken: {}\n", one);
    if (damaged) fmt::print("broken: {} objects were written where nobody may\n", damaged);
    if (damaged)
      for (const json& line : only(answers, "said")) fmt::print("  {}\n", line.get<std::string>());
    if (broken.empty() && !damaged && ended) fmt::print("all structures are whole\n");
  }
  answers.skipped.clear();  // these are among what is broken
  return end(answers, !broken.empty() || damaged ? kBroken : 0);
}

void print_bytes(uint64_t at, const std::string& bytes) {
  for (size_t i = 0; i < bytes.size(); i += 16) {
    std::string hex, text;
    for (size_t k = i; k < i + 16; ++k) {
      hex += k < bytes.size() ? fmt::format("{:02x} ", static_cast<unsigned char>(bytes[k])) : "   ";
      if (k < bytes.size()) text += std::isprint(static_cast<unsigned char>(bytes[k])) ? bytes[k] : '.';
      if (k == i + 7) hex += ' ';
    }
    fmt::print("{:#014x}  {} {}\n", at + i, hex, text);
  }
}

int Inspection::dump() {
  const uint64_t address = number(word(0, "an address"), "address");
  const Answers answers = ask([&](Looker& looker) { ask_whatis(looker, address); });
  const json object = only(answers, "object");
  const bool is_block = object.is_object() && object.contains("start");
  const uint64_t start = is_block && options_.words.size() < 2 ? object["start"].get<uint64_t>() : address;
  uint64_t bytes = options_.words.size() > 1 ? number(options_.words[1], "number")
                   : is_block                ? object["size"].get<uint64_t>()
                                             : 256;
  if (options_.words.size() < 2) bytes = std::min<uint64_t>(bytes, 4096);
  std::string content(static_cast<size_t>(std::min<uint64_t>(bytes, 64 << 20)), '\0');
  content.resize(target_->read(start, content.data(), content.size()));
  if (options_.json) {
    std::string hex;
    for (const char c : content) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return print(answers, {{"object", object}, {"start", start}, {"bytes", hex}});
  }
  if (!object.is_null()) print_object(object);
  print_bytes(start, content);
  if (content.size() < bytes && options_.words.size() > 1) fmt::print("(what follows cannot be read)\n");
  return end(answers);
}

std::string Inspection::source_text(const json& s) {
  const std::string kind = s["kind"];
  if (kind == "register") return "a thread's register";
  const uint64_t at = s["address"];
  if (s.contains("start"))
    return fmt::format("{:#x}, {} bytes into {:#x} ({}, {} bytes)", at, s["offset"].get<uint64_t>(), s["start"].get<uint64_t>(),
                       s.contains("cache") ? "cache " + s["cache"].get<std::string>() : kind, s.value("size", uint64_t{0}));
  const std::string symbol = symbols().data(at), mapping = s.value("mapping", "");
  return fmt::format("{:#x}, {}{}{}", at, kind == "not kmem's" ? mapping.empty() ? "anonymous memory" : mapping : kind,
                     symbol.empty() ? "" : ", ", symbol);
}

int Inspection::refs() {
  const uint64_t address = number(word(0, "an address"), "address");
  const uint64_t most = options_.limit ? options_.limit : ~uint64_t{0};
  const Answers answers = ask([&](Looker& looker) { ask_references(looker, address, most); });
  const json object = only(answers, "object"), chain = only(answers, "chain");
  const std::vector<json> references = all_of(answers, "reference");
  if (options_.json) return print(answers, {{"object", object}, {"references", references}, {"chain", chain}});
  if (!object.is_null()) print_object(object);
  for (const json& one : references) fmt::print("  from {}, to byte {}\n", source_text(one), one["into"].get<uint64_t>());
  const json nr = only(answers, "references");
  if (nr.is_number() && nr.get<uint64_t>() > references.size())
    fmt::print("  and {} more\n", nr.get<uint64_t>() - references.size());
  if (references.empty()) fmt::print("  nobody points to it\n");
  if (chain.is_array()) {
    fmt::print("  from a root:\n");
    for (const json& step : chain) fmt::print("    {} -> {:#x}\n", source_text(step), step["word"].get<uint64_t>());
  } else if (!references.empty()) {
    fmt::print("  no root leads to it: it is lost, with those that point to it\n");
  }
  return end(answers);
}

// A pointer that moves while its process runs may be seen nowhere: a block is lost where each of several looks finds it so.
std::vector<json> Inspection::leaks_that_stay(json& totals, Answers& last) {
  const int looks = target_->is_core() || options_.stop ? 1 : options_.looks;
  std::vector<json> lost;
  for (int i = 0; i < looks; ++i) {
    last = ask(ask_leaks);
    totals = only(last, "totals");
    std::vector<json> now = all_of(last, "leak");
    if (i > 0) {
      std::set<std::pair<uint64_t, uint64_t>> before;
      for (const json& leak : lost) before.emplace(leak["start"].get<uint64_t>(), leak["size"].get<uint64_t>());
      now.erase(std::remove_if(now.begin(), now.end(),
                               [&](const json& leak) {
                                 return !before.count({leak["start"].get<uint64_t>(), leak["size"].get<uint64_t>()});
                               }),
                now.end());
    }
    lost = std::move(now);
    if (lost.empty()) break;
  }
  return lost;
}

/// By where they were allocated, and where nobody keeps account, by size and by how they begin.
void Inspection::print_leak_groups(const std::vector<json>& leaks) {
  struct Group {
    uint64_t blocks = 0, bytes = 0;
    const json* first = nullptr;
  };
  std::map<std::string, Group> groups;
  for (const json& leak : leaks) {
    const std::string key =
        leak.contains("allocated")
            ? leak.value("cache", "") + leak["allocated"]["callers"].dump()
            : fmt::format("{} {} {}", leak.value("cache", ""), leak["size"].get<uint64_t>(), leak["hash"].get<uint64_t>());
    Group& group = groups[key];
    ++group.blocks;
    group.bytes += leak["size"].get<uint64_t>();
    if (!group.first) group.first = &leak;
  }
  std::vector<Group> sorted;
  for (const auto& one : groups) sorted.push_back(one.second);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Group& a, const Group& b) { return a.bytes > b.bytes; });
  for (size_t i = 0; i < sorted.size() && (!options_.limit || i < options_.limit); ++i) {
    const Group& group = sorted[i];
    const json& leak = *group.first;
    fmt::print("{} in {} block{}, {}; the first at {:#x}\n", size_text(group.bytes), count_text(group.blocks),
               group.blocks == 1 ? "" : "s",
               leak.contains("cache") ? "cache " + leak["cache"].get<std::string>()
                                      : fmt::format("large, {} each", size_text(leak["size"])),
               leak["start"].get<uint64_t>());
    if (leak.contains("allocated")) {
      print_owner("allocated", leak["allocated"]);
      continue;
    }
    std::string content(static_cast<size_t>(std::min<uint64_t>(leak["size"].get<uint64_t>(), 32)), '\0');
    content.resize(target_->read(leak["start"], content.data(), content.size()));
    print_bytes(leak["start"], content);
  }
  if (options_.limit && sorted.size() > options_.limit)
    fmt::print("... and {} more kinds (--limit 0 lists all)\n", sorted.size() - options_.limit);
}

int Inspection::leaks() {
  json totals;
  Answers last;
  const std::vector<json> lost = leaks_that_stay(totals, last);
  uint64_t bytes = 0;
  for (const json& leak : lost) bytes += leak["size"].get<uint64_t>();
  if (options_.json) {
    const int status =
        print(last, {{"leaks", lost}, {"totals", totals}, {"leaked_bytes", bytes}, {"leaked_blocks", lost.size()}});
    return status ? status : lost.empty() ? 0 : kBroken;
  }
  print_leak_groups(lost);
  if (!totals.is_null())
    fmt::print("{} of {} blocks are lost, {} of {}\n", count_text(lost.size()), count_text(totals["blocks"]), size_text(bytes),
               size_text(totals["bytes"]));
  return end(last, lost.empty() ? 0 : kBroken);
}

int Inspection::run() {
  static const std::map<std::string, int (Inspection::*)()> kQuestions = {
      {"status", &Inspection::status}, {"caches", &Inspection::caches}, {"cache", &Inspection::cache},
      {"whatis", &Inspection::whatis}, {"frame", &Inspection::frame},   {"vmalloc", &Inspection::vmalloc},
      {"percpu", &Inspection::percpu}, {"pools", &Inspection::pools},   {"verify", &Inspection::verify},
      {"dump", &Inspection::dump},     {"refs", &Inspection::refs},     {"leaks", &Inspection::leaks}};
  return (this->*kQuestions.at(options_.what))();
}

}  // namespace

int inspect(const InspectOptions& options) { return Inspection(options).run(); }

}  // namespace kmem::tool
