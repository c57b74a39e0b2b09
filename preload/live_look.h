#pragma once
// validate_signal=N: who sends that signal has the structures of the running process looked at.

namespace kmem {

/// Listens for the signal, where the boot word asks for it.  Once, when the program begins.
void answer_looks();
/// The report of a process, of which we are a copy that runs alone, with every structure walked.  What kmem has to say of a
/// broken one goes to standard error before it.
void report_copy(int fd, int pid);

}  // namespace kmem
