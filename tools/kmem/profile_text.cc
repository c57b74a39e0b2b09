// What a program has written of itself (src/watch/profile_text.cc):
//
//   heap profile: LIVE: BYTES [ALL: BYTES] @ heap_v2/PERIOD
//   # lost N
//     LIVE: BYTES [ALL: BYTES] @ 0xADDRESS ...      a chain of callers, innermost first; samples and their bytes
//   MAPPED_LIBRARIES:
//   lines of /proc/PID/maps

#include "profile_text.h"

#include <fmt/format.h>

#include <cinttypes>
#include <cstdio>
#include <map>
#include <sstream>

#include "failure.h"

namespace kmem::tool {
namespace {

constexpr char kBegin[] = "heap profile: ", kMaps[] = "MAPPED_LIBRARIES:";

/// A process that has ended: what is known of it is which files its code came from.
class CodeOnly : public Target {
 public:
  explicit CodeOnly(std::istream& lines) {
    for (std::string line; std::getline(lines, line);)
      if (Range range; read_range(line, range)) ranges_.push_back(range);
  }
  size_t read(uint64_t, void*, size_t) override { return 0; }
  size_t copy(const Range&, uint64_t, char*, size_t bytes) override { return bytes; }
  std::vector<Thread> threads() override { return {}; }
  bool is_core() const override { return true; }
};

/// Of the header or of a chain; what follows the "@".
bool read_line(const std::string& line, Estimate& live, Estimate& allocated, double period, std::string& rest) {
  uint64_t n[4];
  int end = 0;
  if (std::sscanf(line.c_str(), " %" SCNu64 ": %" SCNu64 " [%" SCNu64 ": %" SCNu64 "] @%n", &n[0], &n[1], &n[2], &n[3], &end) <
          4 ||
      !end)
    return false;
  const auto mean = [](uint64_t bytes, uint64_t blocks) { return static_cast<double>(bytes) / static_cast<double>(blocks); };
  if (n[0]) live.add(n[0], mean(n[1], n[0]), period);
  if (n[2]) allocated.add(n[2], mean(n[3], n[2]), period);
  rest = line.substr(static_cast<size_t>(end));
  return true;
}

std::vector<uint64_t> addresses_in(const std::string& text) {
  std::vector<uint64_t> addresses;
  std::istringstream words(text);
  for (std::string word; words >> word;) addresses.push_back(std::stoull(word, nullptr, 16));
  return addresses;
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// The program is the file that lies lowest, as a rule.
void name_modules(Profile& profile, const Target& target) {
  for (const Range& range : target.ranges())
    if (range.executable && range.is_file()) profile.modules.push_back({range.from, range.to, range.offset, range.path});
  profile.name = profile.modules.empty() ? "?" : last_part(profile.modules.front().path);
}

void name_callers(Profile& profile, const Target& target) {
  const Symbols symbols(target);
  for (ProfileStack& stack : profile.stacks) {
    for (const uint64_t address : stack.addresses)
      for (Symbols::Frame& frame : symbols.frames(address)) stack.frames.push_back(std::move(frame));
    if (stack.frames.empty()) stack.frames.push_back({"(unknown)", {}, 0});
  }
}

}  // namespace

bool is_profile_text(const std::string& text) { return text.compare(0, sizeof kBegin - 1, kBegin) == 0; }

Profile profile_from_text(const std::string& text) try {
  Profile profile;
  std::istringstream lines(text);
  std::string line, rest;
  std::getline(lines, line);
  Estimate ignored;
  int end = 0;
  if (!is_profile_text(text) || !read_line(line.substr(sizeof kBegin - 1), ignored, ignored, 1, rest) ||
      std::sscanf(rest.c_str(), " heap_v2/%" SCNu64 "%n", &profile.period, &end) < 1 || !profile.period)
    throw Failure("that is no heap profile of a program");
  std::map<std::vector<uint64_t>, ProfileStack> stacks;
  while (std::getline(lines, line) && line != kMaps) {
    std::sscanf(line.c_str(), "# lost %" SCNu64, &profile.lost);
    ProfileStack one;
    if (!read_line(line, one.live, one.allocated, static_cast<double>(profile.period), rest)) continue;
    ProfileStack& stack = stacks[addresses_in(rest)];
    stack.live.add(one.live);
    stack.allocated.add(one.allocated);
  }
  for (auto& [addresses, stack] : stacks) {
    stack.addresses = addresses;
    profile.stacks.push_back(std::move(stack));
  }
  const CodeOnly target(lines);
  name_modules(profile, target);
  name_callers(profile, target);
  return profile;
} catch (const std::logic_error&) {  // of std::stoull()
  throw Failure("that is no heap profile of a program: an address is none");
}

// Addresses mean nothing where there are several processes.
Profile joined_profiles(const std::vector<Profile>& profiles) {
  Profile all = profiles.front();
  if (profiles.size() == 1) return all;
  all.modules.clear();
  all.stacks.clear();
  all.lost = 0;
  for (const Profile& one : profiles) {
    all.lost += one.lost;
    for (ProfileStack stack : one.stacks) {
      stack.addresses.clear();
      stack.frames.push_back({fmt::format("{} ({})", one.name, one.pid), {}, 0});
      all.stacks.push_back(std::move(stack));
    }
  }
  return all;
}

}  // namespace kmem::tool
