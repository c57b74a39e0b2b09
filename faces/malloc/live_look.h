#pragma once
// validate_signal=N: the signal starts a check of the running process' structures.

namespace kmem {

/// Installs the handler if the boot word is given. Once, at the start of the program.
void answer_looks();
/// Writes the report of process `pid`, of which the caller is a copy that runs alone, after checking every structure. Reports
/// about broken ones go to standard error first.
void report_copy(int fd, int pid);

}  // namespace kmem
