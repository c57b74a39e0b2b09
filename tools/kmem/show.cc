#include "show.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>

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

void show(const std::string& what, const std::string& file, int pid) {
  const SavedReport saved(pick_process(read_json(file), pid));
  const auto found = kTexts.find(what);
  const std::string text = found == kTexts.end()
                               ? fmt::format("kmem: {} (process {})\n{}", saved.system().process.name,
                                             saved.system().process.pid, describe_process(saved.system(), ~size_t{0}))
                               : rendered(found->second, saved.system());
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Failure("standard output cannot be written");
}

}  // namespace kmem::tool
