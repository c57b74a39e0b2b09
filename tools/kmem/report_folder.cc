#include "report_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "failure.h"

namespace kmem::tool {

namespace fs = std::filesystem;
using nlohmann::json;

ReportFolder::ReportFolder() {
  std::string name = fs::temp_directory_path() / "kmem-run-XXXXXX";
  if (!mkdtemp(name.data())) throw Failure(fmt::format("{}: {}", name, std::strerror(errno)));
  path_ = name;
  // A program that gives up its rights writes as another user: anybody may add a file, nobody may list them.
  chmod(path_.c_str(), 01733);
}

ReportFolder::~ReportFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<std::pair<pid_t, std::string>> ReportFolder::profiles(pid_t first) const {
  std::vector<std::pair<pid_t, std::string>> found;
  for (const auto& file : fs::directory_iterator(path_)) {
    if (file.path().extension() != ".heap") continue;
    std::ostringstream text;
    text << std::ifstream(file.path()).rdbuf();
    found.emplace_back(static_cast<pid_t>(std::atol(file.path().filename().c_str())), text.str());
  }
  std::sort(found.begin(), found.end(), [first](const auto& a, const auto& b) {
    return std::pair(a.first != first, a.first) < std::pair(b.first != first, b.first);
  });
  return found;
}

std::vector<json> ReportFolder::read(pid_t first) const {
  std::vector<std::pair<pid_t, json>> found;
  for (const auto& file : fs::directory_iterator(path_)) {
    if (file.path().extension() != ".json") continue;
    const auto pid = static_cast<pid_t>(std::atol(file.path().filename().c_str()));
    std::ifstream stream(file.path());
    json report = json::parse(stream, nullptr, false);
    if (report.is_object()) found.emplace_back(pid, std::move(report));
  }
  std::sort(found.begin(), found.end(), [first](const auto& a, const auto& b) {
    return std::pair(a.first != first, a.first) < std::pair(b.first != first, b.first);
  });
  std::vector<json> reports;
  for (auto& [pid, report] : found) reports.push_back(std::move(report));
  return reports;
}

}  // namespace kmem::tool
