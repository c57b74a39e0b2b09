#pragma once
// Answers the system calls of programs: one listener for each program that was started on a driver, and threads that take its
// calls.

#include "open_files.h"

namespace kmem::driver_host {

/// Signals of the program end sleeps, and somebody sees when a file is closed, from now on.
void start_watching(OpenFiles& files);
/// Answers for all processes under this filter, in threads of its own, until the last of them has ended.
void serve(int listener, bool exact, OpenFiles& files);
/// How many listeners still have processes.
unsigned nr_served();
/// Has a call crashed in the driver?
bool has_crashed();
/// Ends what crashes in the driver, and not the whole host: the program's call fails.  Before the driver is loaded.
void catch_crashes();

}  // namespace kmem::driver_host
