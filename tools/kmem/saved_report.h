#pragma once
// Reports as they lie in files: what one process wrote at its end, or what `kmem run --json` made of several.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report/snapshot.h"

namespace kmem::tool {

/// A snapshot read back from JSON, together with the storage that it points into.  Members that the JSON lacks are
/// zero, those that we do not know are passed over: reports of older and newer versions can be read.
class SavedReport {
 public:
  /// Throws a Failure where it is no report.
  explicit SavedReport(const nlohmann::json& json);
  SavedReport(const SavedReport&) = delete;
  SavedReport& operator=(const SavedReport&) = delete;

  const SystemSnapshot& system() const { return system_; }

 private:
  void read_caches(const nlohmann::json& list);
  void read_zones(const nlohmann::json& list);
  void read_window(const nlohmann::json& window);

  std::vector<CacheSnapshot> caches_;
  std::vector<ZoneSnapshot> zones_;
  std::vector<IomemSnapshot> iomem_;
  std::vector<AreaSnapshot> areas_;
  std::vector<std::vector<PcpSnapshot>> pcps_;
  std::string version_, boot_words_;
  SystemSnapshot system_;
};

/// The JSON in a file; throws a Failure where there is none.
nlohmann::json read_json(const std::string& file);

/// The report of one process out of a file of either kind.  pid 0: the program that was started.
nlohmann::json pick_process(const nlohmann::json& file, int pid);

}  // namespace kmem::tool
