#pragma once
// A profile: what was allocated and is alive, by the code that allocated it, estimated from samples.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../look/find_kmem.h"
#include "../look/symbols.h"
#include "../look/target.h"

namespace kmem::tool {

/// An estimated sum, and the variance of the estimate.
struct Estimate {
  double bytes = 0, objects = 0, variance = 0;
  uint64_t samples = 0;
  /// `n` samples of blocks of `size` bytes, taken with that distance between samples.
  void add(uint64_t n, double size, double period);
  void add(const Estimate& other, double sign = 1);
  double error() const;  // one standard deviation, of the bytes
};

/// All samples with the same callers.
struct ProfileStack {
  std::vector<uint64_t> addresses;     // return addresses, innermost first, without kmem's own; empty after a difference
  std::vector<Symbols::Frame> frames;  // of these, with inlined functions
  Estimate allocated, live;
  double oldest = 0;  // seconds that the oldest live sample has lived
};

struct Profile {
  std::string name;  // of the program
  int pid = 0;
  double seconds = 0;
  uint64_t period = 0;
  uint64_t lost = 0;  // samples for which there was no room
  std::vector<ProfileStack> stacks;
  /// Files with code, for pprof.
  struct Module {
    uint64_t from = 0, to = 0, offset = 0;
    std::string path;
  };
  std::vector<Module> modules;

  Estimate sum(Estimate ProfileStack::*which) const;
};

/// The tables of a sampler, as they were at one time.
class ProfileTables {
 public:
  /// False: sampling was never on.
  bool read(Target& target, uint64_t world);
  /// What has come since `before`, with the callers' names.
  Profile since(const ProfileTables& before, Target& target, const KmemPlace& place) const;

 private:
  std::vector<uint64_t> sites_, blocks_;  // bytes of the tables
  uint64_t lost_ = 0, now_ns_ = 0, period_ = 0;
};

nlohmann::json to_json(const Profile& profile);
/// Throws a Failure where that is none.
Profile profile_from(const nlohmann::json& saved);
/// What `after` has more than `before`, by the functions of the callers.
Profile difference(const Profile& after, const Profile& before);

}  // namespace kmem::tool
