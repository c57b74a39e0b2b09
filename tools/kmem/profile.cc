// kmem profile: switches the sampler of a process on, waits, reads its tables and switches it off.

#include "profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "boot/command_line.h"
#include "failure.h"
#include "profile_output.h"
#include "profile_text.h"
#include "watch/profile.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

void sleep_for(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// Asks a process to sample, again and again: where this tool is killed, the process stops after kLease.
class Sampling {
 public:
  Sampling(Target& target, const KmemPlace& place, uint64_t period)
      : target_(target), world_(reinterpret_cast<uint64_t>(place.table.profile)) {
    put(offsetof(ProfileWorld, outside_period), period);
    renew();
    if (!is_on()) close_paths();
  }
  ~Sampling() {
    try {
      uint64_t seen = 0;
      if (target_.get(world_ + offsetof(ProfileWorld, outside_until_ns), seen) && seen == until_)
        put(offsetof(ProfileWorld, outside_until_ns), 0);
    } catch (const Failure&) {  // it has ended
    }
  }
  Sampling(const Sampling&) = delete;
  Sampling& operator=(const Sampling&) = delete;

  void renew() { put(offsetof(ProfileWorld, outside_until_ns), until_ = now_ns() + kLease); }
  bool is_on() {
    uint32_t on = 0;
    return target_.get(world_ + offsetof(ProfileWorld, on), on) && on;
  }
  void wait(double seconds) {
    const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
    for (uint64_t now; (now = now_ns()) < end; renew()) sleep_for(std::min(1.0, static_cast<double>(end - now) * 1e-9));
  }

 private:
  static constexpr uint64_t kLease = 10'000'000'000;
  void put(size_t offset, uint64_t value) { write_process(target_.pid(), world_ + offset, &value, sizeof value); }
  uint64_t get(size_t offset) {
    uint64_t value = 0;
    target_.get(world_ + offset, value);
    return value;
  }
  void close(uint64_t at, size_t bytes) {
    const uint64_t closed = 0;
    if (at) write_process(target_.pid(), at, &closed, bytes);
  }
  // A process whose calls all stay on the fast path would not look.
  void close_paths() {
    put(offsetof(ProfileWorld, in_force), ProfileWorld::kAgain);
    for (const size_t path :
         {offsetof(ProfileWorld, malloc_limit), offsetof(ProfileWorld, kmalloc_limit), offsetof(ProfileWorld, listed_head)})
      close(get(path), sizeof(uint64_t));
    uint32_t nr_caches = 0;
    const uint64_t slot = get(offsetof(ProfileWorld, first_cache_slot)), stride = get(offsetof(ProfileWorld, cache_stride));
    if (const uint64_t at = get(offsetof(ProfileWorld, nr_caches))) target_.get(at, nr_caches);
    for (uint32_t i = 0; slot && i < nr_caches; ++i) close(slot + i * stride, sizeof(Slot));
  }

  Target& target_;
  uint64_t world_, until_ = 0;
};

Profile take(const ProfileOptions& options) {
  uint64_t period = 0;
  if (!parse_size({options.period.data(), options.period.size()}, period) || !period)
    throw Failure(fmt::format("--period {}: a size is wanted, such as 512K", options.period));
  const std::unique_ptr<Target> target = open_target(options.source);
  if (target->is_core()) throw Failure(fmt::format("{} is neither a process nor a profile", options.source));
  const KmemPlace place = find_kmem(*target, options.module);
  const auto world = reinterpret_cast<uint64_t>(place.table.profile);
  ProfileTables before, after;
  const uint64_t begin = now_ns();
  uint64_t end = 0;
  {
    if (!options.since_start) before.read(*target, world);
    Sampling sampling(*target, place, period);
    sampling.wait(options.seconds);
    end = now_ns();
    if (!after.read(*target, world) && !sampling.is_on())
      throw Failure(fmt::format("process {} has not allocated anything in {} s, or has ended", target->pid(), options.seconds));
  }
  // What was loaded meanwhile has names too.
  const std::unique_ptr<Target> now = open_target(options.source);
  Profile profile = after.since(before, *now, place);
  profile.seconds = static_cast<double>(end - begin) * 1e-9;
  return profile;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

Profile saved(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Failure(fmt::format("{}: {}", path, std::strerror(errno)));
  std::ostringstream all;
  all << file.rdbuf();
  if (is_profile_text(all.str())) return profile_from_text(all.str());
  const json text = json::parse(all.str(), nullptr, false);
  if (text.is_discarded()) throw Failure(fmt::format("{}: that is no profile that kmem profile has saved as JSON", path));
  return profile_from(text);
}

std::string format_of(const ProfileOptions& options) {
  if (!options.format.empty()) return options.format;
  for (const auto& [end, format] : {std::pair{".speedscope.json", "speedscope"},
                                    {".json", "json"},
                                    {".html", "html"},
                                    {".folded", "folded"},
                                    {".txt", "text"}})
    if (ends_with(options.output, end)) return format;
  return options.output.empty() ? "text" : "pprof";
}

std::string render(const Profile& profile, const ProfileOptions& options) {
  const std::string format = format_of(options);
  Estimate ProfileStack::*which = options.allocated ? &ProfileStack::allocated : &ProfileStack::live;
  if (format == "json") return to_json(profile).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  if (format == "html") return as_page(profile);
  if (format == "folded") return as_folded(profile, which);
  if (format == "pprof") return as_pprof(profile);
  if (format == "speedscope") return as_speedscope(profile);
  return as_text(profile, which, options.limit ? options.limit : ~size_t{0});
}

}  // namespace

void profile(const ProfileOptions& options) {
  const bool is_file = options.source.find_first_not_of("0123456789") != std::string::npos;
  Profile taken = is_file ? saved(options.source) : take(options);
  if (!options.base.empty()) taken = difference(taken, saved(options.base));
  write_profile(taken, options);
}

void write_profile(const Profile& taken, const ProfileOptions& options) {
  const std::string text = render(taken, options);
  if (options.output.empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return;
  }
  std::ofstream file(options.output, std::ios::binary);
  file << text << std::flush;
  if (!file) throw Failure(fmt::format("{}: {}", options.output, std::strerror(errno)));
}

}  // namespace kmem::tool
