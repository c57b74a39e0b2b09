#pragma once
#include <string>

#include "profile_data.h"

namespace kmem::tool {

/// One line for each chain of callers: "outer;inner bytes", for flamegraph.pl and its like.
std::string as_folded(const Profile& profile, Estimate ProfileStack::*which);
/// A table for people: the `most` chains with the most bytes.
std::string as_text(const Profile& profile, Estimate ProfileStack::*which, size_t most);
/// pprof's profile.proto, compressed.
std::string as_pprof(const Profile& profile);
/// speedscope's JSON, with what is alive and what was allocated.
std::string as_speedscope(const Profile& profile);
/// A page with a flame graph; it needs no network.
std::string as_page(const Profile& profile);

}  // namespace kmem::tool
