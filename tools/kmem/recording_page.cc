#include "recording_page.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "failure.h"
#include "recording.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

/// recording_page.html.
constexpr std::string_view kPage =
#include "kmem_tool/recording_page.inc"
    ;
constexpr std::string_view kPlace = "/*RECORDING*/null";

/// JSON as it may stand in a script: no text in it can end the script.
std::string for_script(const json& value) {
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (const char c : text)
    if (c == '<') out += "\\u003c";
    else out += c;
  return out;
}

}  // namespace

void show_recording(const PageOptions& options) {
  const Recording recording = read_recording(options.recording);
  const std::string path = options.output.empty() ? options.recording + ".html" : options.output;
  const size_t at = kPage.find(kPlace);
  std::ofstream file(path, std::ios::binary);
  file << kPage.substr(0, at)
       << for_script(
              {{"head", recording.head}, {"end", recording.end}, {"samples", recording.samples}, {"maps", recording.maps}})
       << kPage.substr(at + kPlace.size()) << std::flush;
  if (!file) throw Failure(fmt::format("{}: {}", path, std::strerror(errno)));
  fmt::print("{}\n", path);
}

}  // namespace kmem::tool
