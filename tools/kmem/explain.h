#pragma once
#include <string>

namespace kmem::tool {

/// Prints the row of the catalogue (docs/messages.md) that the message belongs to: its cause, and what to do.  An empty text:
/// those of all lines of standard input, each row once.  Returns the exit status: 1 where no row fits.
int explain(const std::string& message);

}  // namespace kmem::tool
