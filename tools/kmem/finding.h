#pragma once
// What a trial shows, beside the clean run, and how it is told.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "trial.h"

namespace kmem::tool {

enum class Kind { Crashed, Hung, Broken, Misused, Leaked };
const char* name_of(Kind kind);

struct Finding {
  Kind kind;
  std::string what;  // a sentence's rest: "by signal 11 (Segmentation fault)"
  Outcome outcome;
  std::vector<Frame> trace;  // of the call that failed first
};

struct LeakRule {
  bool ever = true;
  bool whatever_status = false;  // also where the program ended with another status than the clean run
  uint64_t slack = 0;
};

/// The worst that an outcome shows; false: nothing.
bool judge(const Outcome& outcome, const Outcome& clean, const LeakRule& rule, Finding& finding);

std::string as_text(const Finding& finding);
nlohmann::json as_json(const Finding& finding);

}  // namespace kmem::tool
