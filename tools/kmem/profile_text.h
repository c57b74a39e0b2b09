#pragma once
#include <string>

#include "profile_data.h"

namespace kmem::tool {

/// Does the text begin as heap profiles of gperftools do, which a program writes of itself?
bool is_profile_text(const std::string& text);
/// Such a profile, with the callers' names.  Throws a Failure where it is none.
Profile profile_from_text(const std::string& text);
/// Profiles of several processes in one, each below a caller that is its name and number.
Profile joined_profiles(const std::vector<Profile>& profiles);

}  // namespace kmem::tool
