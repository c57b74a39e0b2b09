#pragma once
#include <string>
#include <vector>

#include "launch.h"
#include "report/snapshot.h"

namespace kmem::tool {

/// When a snapshot was taken.
enum class Moment { AtTheEnd, Now };

/// One process in full: memory, paths, caches by what they hold, zones.  `most_caches` bounds the table.
std::string describe_process(const SystemSnapshot& system, size_t most_caches, Moment moment = Moment::AtTheEnd);
/// The caches alone.
std::string describe_caches(const SystemSnapshot& system, size_t most_caches);

/// Many processes, a line each.
std::string describe_others(const std::vector<const SystemSnapshot*>& others, size_t most);

/// "ended with status 3 after 1.20 s (user 1.00 s, system 0.10 s)"
std::string describe_end(const Ended& ended);

/// Counts with a comma between thousands, sizes in binary units with one decimal.
std::string count_text(uint64_t count);
std::string size_text(uint64_t bytes);

}  // namespace kmem::tool
