#include "profile_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>

#include "failure.h"
#include "watch/profile.h"

namespace kmem::tool {

using nlohmann::json;

void Estimate::add(uint64_t n, double size, double period) {
  if (!n) return;
  const double p = size > 0 ? -std::expm1(-size / period) : 1, count = static_cast<double>(n);
  samples += n;
  objects += count / p;
  bytes += count * size / p;
  variance += count * (1 - p) * size * size / p / p;
}

void Estimate::add(const Estimate& other, double sign) {
  samples += other.samples;
  objects += sign * other.objects;
  bytes += sign * other.bytes;
  variance += other.variance;
}

double Estimate::error() const { return std::sqrt(variance); }

Estimate Profile::sum(Estimate ProfileStack::*which) const {
  Estimate all;
  for (const ProfileStack& stack : stacks) all.add(stack.*which);
  return all;
}

// The tables -----------------------------------------------------------------------------------------------------------------

namespace {

template <typename T>
const T* as(const std::vector<uint64_t>& words) {
  return reinterpret_cast<const T*>(words.data());
}

template <typename T>
bool read_table(Target& target, const T* at, uint32_t nr, std::vector<uint64_t>& words) {
  words.assign(nr * sizeof(T) / sizeof(uint64_t), 0);
  return target.read(reinterpret_cast<uint64_t>(at), words.data(), nr * sizeof(T)) == nr * sizeof(T);
}

constexpr uint64_t kLastMark = 2;  // keys up to this are none

using Callers = std::vector<uint64_t>;

/// Without the allocator's own functions, which are the first.
Callers callers_of(const ProfileSite& site, const Target& target, const std::string& module) {
  const uint64_t* end = site.frames + std::min<uint32_t>(site.nr_frames, ProfileSite::kFrames);
  const uint64_t* first = std::find_if(site.frames, end, [&](uint64_t address) {
    const Range* range = target.range_of(address);
    return !range || range->path != module;
  });
  // A program that kmem is linked into has its own functions in the same file.
  return first == end ? Callers(site.frames, end) : Callers(first, end);
}

std::vector<Symbols::Frame> named(const Callers& callers, const Symbols& symbols,
                                  std::map<uint64_t, std::vector<Symbols::Frame>>& known) {
  std::vector<Symbols::Frame> all;
  for (const uint64_t address : callers) {
    auto [it, is_new] = known.try_emplace(address);
    if (is_new) it->second = symbols.frames(address);
    all.insert(all.end(), it->second.begin(), it->second.end());
  }
  if (all.empty()) all.push_back({"(unknown)", {}, 0});
  return all;
}

std::vector<Profile::Module> modules_of(const Target& target) {
  std::vector<Profile::Module> modules;
  for (const Range& range : target.ranges())
    if (range.executable && range.is_file()) modules.push_back({range.from, range.to, range.offset, range.path});
  return modules;
}

}  // namespace

bool ProfileTables::read(Target& target, uint64_t world_at) {
  alignas(ProfileWorld) char bytes[sizeof(ProfileWorld)];
  if (target.read(world_at, bytes, sizeof bytes) != sizeof bytes) return false;
  const auto& world = *reinterpret_cast<const ProfileWorld*>(bytes);
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  now_ns_ = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  lost_ = world.lost_sites.value() + world.lost_blocks.value();
  period_ = world.period.peek();
  return world.blocks.peek() && read_table(target, world.sites.peek(), ProfileWorld::kNrSites, sites_) &&
         read_table(target, world.blocks.peek(), ProfileWorld::kNrBlocks, blocks_);
}

Profile ProfileTables::since(const ProfileTables& before, Target& target, const KmemPlace& place) const {
  Profile profile;
  profile.name = target.name();
  profile.pid = target.pid();
  profile.period = period_;
  profile.lost = lost_ - before.lost_;
  profile.modules = modules_of(target);
  std::map<Callers, ProfileStack> stacks;
  std::vector<ProfileStack*> of_site(ProfileWorld::kNrSites);
  for (uint32_t i = 0; i < ProfileWorld::kNrSites && !sites_.empty(); ++i) {
    const ProfileSite& site = as<ProfileSite>(sites_)[i];
    if (site.key.peek() <= kLastMark || !site.period) continue;
    ProfileStack& stack = *(of_site[i] = &stacks[callers_of(site, target, place.module)]);
    const bool known = !before.sites_.empty();
    const uint64_t n = site.allocs.value() - (known ? as<ProfileSite>(before.sites_)[i].allocs.value() : 0);
    const uint64_t bytes = site.alloc_bytes.value() - (known ? as<ProfileSite>(before.sites_)[i].alloc_bytes.value() : 0);
    if (n) stack.allocated.add(n, static_cast<double>(bytes) / static_cast<double>(n), static_cast<double>(site.period));
  }
  for (uint32_t i = 0; i < ProfileWorld::kNrBlocks && !blocks_.empty(); ++i) {
    const ProfileBlock& block = as<ProfileBlock>(blocks_)[i];
    if (block.key.peek() <= kLastMark || block.site >= of_site.size() || !of_site[block.site]) continue;
    ProfileStack& stack = *of_site[block.site];
    stack.live.add(1, static_cast<double>(block.size), static_cast<double>(as<ProfileSite>(sites_)[block.site].period));
    stack.oldest = std::max(stack.oldest, static_cast<double>(static_cast<int64_t>(now_ns_ - block.when_ns)) * 1e-9);
  }
  const Symbols symbols(target);
  std::map<uint64_t, std::vector<Symbols::Frame>> known;
  for (auto& [callers, stack] : stacks) {
    if (!stack.allocated.samples && !stack.live.samples) continue;
    stack.addresses = callers;
    stack.frames = named(callers, symbols, known);
    profile.stacks.push_back(std::move(stack));
  }
  return profile;
}

// Saved -----------------------------------------------------------------------------------------------------------------------

namespace {

json to_json(const Estimate& e) { return {e.bytes, e.objects, e.variance, e.samples}; }

Estimate estimate_from(const json& saved) {
  Estimate e;
  saved.at(0).get_to(e.bytes);
  saved.at(1).get_to(e.objects);
  saved.at(2).get_to(e.variance);
  saved.at(3).get_to(e.samples);
  return e;
}

}  // namespace

json to_json(const Profile& profile) {
  json stacks = json::array(), modules = json::array();
  for (const ProfileStack& stack : profile.stacks) {
    json frames = json::array();
    for (const Symbols::Frame& frame : stack.frames) frames.push_back({frame.function, frame.file, frame.line});
    stacks.push_back({{"addresses", stack.addresses},
                      {"frames", frames},
                      {"allocated", to_json(stack.allocated)},
                      {"live", to_json(stack.live)},
                      {"oldest", stack.oldest}});
  }
  for (const Profile::Module& m : profile.modules) modules.push_back({m.from, m.to, m.offset, m.path});
  return {{"kmem_profile", 1},        {"name", profile.name}, {"pid", profile.pid}, {"seconds", profile.seconds},
          {"period", profile.period}, {"lost", profile.lost}, {"modules", modules}, {"stacks", stacks}};
}

Profile profile_from(const json& saved) {
  Profile profile;
  try {
    if (saved.at("kmem_profile") != 1) throw Failure("that profile is of another version of kmem");
    saved.at("name").get_to(profile.name);
    saved.at("pid").get_to(profile.pid);
    saved.at("seconds").get_to(profile.seconds);
    saved.at("period").get_to(profile.period);
    saved.at("lost").get_to(profile.lost);
    for (const json& m : saved.at("modules")) profile.modules.push_back({m.at(0), m.at(1), m.at(2), m.at(3)});
    for (const json& s : saved.at("stacks")) {
      ProfileStack stack;
      s.at("addresses").get_to(stack.addresses);
      for (const json& f : s.at("frames")) stack.frames.push_back({f.at(0), f.at(1), f.at(2)});
      stack.allocated = estimate_from(s.at("allocated"));
      stack.live = estimate_from(s.at("live"));
      s.at("oldest").get_to(stack.oldest);
      profile.stacks.push_back(std::move(stack));
    }
  } catch (const json::exception&) {
    throw Failure("that is no profile that kmem profile has saved as JSON");
  }
  return profile;
}

namespace {

/// Addresses and lines differ from one build or run to the next.
std::vector<std::string> functions_of(const ProfileStack& stack) {
  std::vector<std::string> names;
  for (const Symbols::Frame& frame : stack.frames) names.push_back(frame.function);
  return names;
}

}  // namespace

Profile difference(const Profile& after, const Profile& before) {
  std::map<std::vector<std::string>, ProfileStack> stacks;
  const auto add = [&](const Profile& profile, double sign) {
    for (const ProfileStack& one : profile.stacks) {
      ProfileStack& stack = stacks[functions_of(one)];
      if (stack.frames.empty()) stack.frames = one.frames;
      stack.allocated.add(one.allocated, sign);
      stack.live.add(one.live, sign);
      if (sign > 0) stack.oldest = std::max(stack.oldest, one.oldest);
    }
  };
  add(after, 1);
  add(before, -1);
  Profile profile = after;
  profile.stacks.clear();
  for (auto& [names, stack] : stacks) profile.stacks.push_back(std::move(stack));
  return profile;
}

}  // namespace kmem::tool
