#include "show.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>

#include "../look/look.h"
#include "failure.h"
#include "report/texts.h"
#include "saved_report.h"
#include "summary.h"

namespace kmem::tool {
namespace {

using Put = void (*)(Text&, const SystemSnapshot&);

const std::map<std::string, Put> kTexts = {
    {"slabinfo", put_slabinfo},         {"buddyinfo", put_buddyinfo}, {"zoneinfo", put_zoneinfo},
    {"pagetypeinfo", put_pagetypeinfo}, {"meminfo", put_meminfo},     {"json", put_json},
    {"vmallocinfo", put_vmallocinfo},   {"iomem", put_iomem},
};

std::string rendered(Put put, const SystemSnapshot& system) {
  Text measured{Span<char>()};
  put(measured, system);
  std::string text(measured.total() + 1, '\0');
  Text out(Span<char>(text.data(), text.size()));
  put(out, system);
  text.resize(out.size());
  return text;
}

}  // namespace

namespace {

void show_report(const std::string& what, const nlohmann::json& report, Moment moment) {
  const SavedReport saved(report);
  const auto found = kTexts.find(what);
  const std::string text = found == kTexts.end()
                               ? fmt::format("kmem: {} (process {})\n{}", saved.system().process.name,
                                             saved.system().process.pid, describe_process(saved.system(), ~size_t{0}, moment))
                               : rendered(found->second, saved.system());
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Failure("standard output cannot be written");
}

}  // namespace

void show(const std::string& what, const std::string& file, int pid) {
  show_report(what, pick_process(read_json(file), pid), Moment::AtTheEnd);
}

void show_live(const std::string& what, const std::string& target, const std::string& module) {
  const std::unique_ptr<Target> of = open_target(target);
  const nlohmann::json report = report_of(*of, find_kmem(*of, module));
  if (what == "json") fmt::print("{}\n", report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  else show_report(what, report, Moment::Now);
  for (const nlohmann::json& skipped : report["skipped"])
    fmt::print(stderr, "kmem: not read: {}{}: {}\n", skipped["part"].get<std::string>(), skipped["name"].get<std::string>(),
               skipped["why"].get<std::string>());
}

}  // namespace kmem::tool
