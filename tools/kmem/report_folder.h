#pragma once
#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kmem::tool {

/// Where the processes leave their reports until we have read them; gone with its owner.
class ReportFolder {
 public:
  ReportFolder();
  ~ReportFolder();
  ReportFolder(const ReportFolder&) = delete;
  ReportFolder& operator=(const ReportFolder&) = delete;

  const std::string& path() const { return path_; }
  /// For KMEM_REPORT.
  std::string pattern() const { return path_ + "/%p.json"; }
  /// For KMEM_PROFILE.
  std::string profile_pattern() const { return path_ + "/%p.heap"; }
  /// The process and the text of each heap profile that was left, that of `first` before the others.
  std::vector<std::pair<pid_t, std::string>> profiles(pid_t first) const;
  /// What has been written whole, the process `first` before the others, these by number.
  std::vector<nlohmann::json> read(pid_t first) const;

 private:
  std::string path_;
};

}  // namespace kmem::tool
