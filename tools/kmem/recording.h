#pragma once
// A recording: how a heap changed, in a file of lines, each a JSON object (docs/recording.md names the members).

#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kmem::tool {

/// A file of at most so many bytes.  When it would be longer, every second sample and map is dropped, and from then on only
/// every second one is taken: the whole time stays in it, in half as many steps.
class RecordingFile {
 public:
  /// Throws a Failure where it cannot be written.
  RecordingFile(std::string path, uint64_t most_bytes, const nlohmann::json& head);
  ~RecordingFile();
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;

  enum class Kind { Sample, Map };
  void add(Kind kind, const nlohmann::json& line);
  /// The last line, which stays.
  void finish(const nlohmann::json& line);
  /// How many times the steps have been doubled.
  unsigned halvings() const { return halvings_; }
  size_t nr_samples() const { return samples_.size(); }

 private:
  void append(const std::string& line);
  void halve();

  std::string path_, head_;
  uint64_t most_bytes_, bytes_ = 0;
  std::vector<std::string> samples_, maps_;
  unsigned halvings_ = 0;
  std::FILE* file_ = nullptr;
};

/// What a recording keeps of a report, `at` seconds after its beginning.
nlohmann::json sample_of(const nlohmann::json& report, double at);

/// All lines of a file.  Throws a Failure where it is no recording; an incomplete last line is left out.
struct Recording {
  nlohmann::json head, end;
  std::vector<nlohmann::json> samples, maps;
};
Recording read_recording(const std::string& path);

}  // namespace kmem::tool
