// The form of https://www.speedscope.app: the version of its schema of 2019, which has not changed since.

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "profile_output.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

/// Frames by number, each once for all profiles of the file.
class Frames {
 public:
  size_t number_of(const Symbols::Frame& frame) {
    const auto [it, is_new] = numbers_.emplace(std::pair{frame.function, frame.file}, all_.size());
    if (is_new) {
      json one{{"name", frame.function}};
      if (!frame.file.empty()) one["file"] = frame.file;
      all_.push_back(std::move(one));
    }
    return it->second;
  }
  const json& all() const { return all_; }

 private:
  std::map<std::pair<std::string, std::string>, size_t> numbers_;
  json all_ = json::array();
};

/// The stacks whose bytes have that sign, outermost function first: weights may not be negative.
json weighed(const Profile& profile, Frames& frames, const std::string& name, Estimate ProfileStack::*which, double sign) {
  json samples = json::array(), weights = json::array();
  int64_t sum = 0;
  for (const ProfileStack& stack : profile.stacks) {
    const int64_t bytes = std::llround(sign * (stack.*which).bytes);
    if (bytes <= 0) continue;
    json chain = json::array();
    for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame) chain.push_back(frames.number_of(*frame));
    samples.push_back(std::move(chain));
    weights.push_back(bytes);
    sum += bytes;
  }
  return {{"type", "sampled"}, {"name", name},       {"unit", "bytes"},   {"startValue", 0},
          {"endValue", sum},   {"samples", samples}, {"weights", weights}};
}

}  // namespace

std::string as_speedscope(const Profile& profile) {
  Frames frames;
  json profiles = json::array();
  for (const auto& [name, which] : {std::pair{"live", &ProfileStack::live}, {"allocated", &ProfileStack::allocated}}) {
    profiles.push_back(weighed(profile, frames, name, which, 1));
    json less = weighed(profile, frames, std::string(name) + ", less than before", which, -1);
    if (!less["weights"].empty()) profiles.push_back(std::move(less));
  }
  const json file{{"$schema", "https://www.speedscope.app/file-format-schema.json"},
                  {"name", profile.name},
                  {"exporter", "kmem"},
                  {"activeProfileIndex", 0},
                  {"shared", {{"frames", frames.all()}}},
                  {"profiles", profiles}};
  return file.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace kmem::tool
