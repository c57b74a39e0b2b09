#pragma once
// A heap profile as text, for programs that write their own.

namespace kmem {

/// Writes what was sampled to an open file: the form of gperftools' heap profiles, which jeprof, pprof and `kmem profile`
/// read.  A line for each chain of callers; samples and their bytes, of the live blocks and of all, which a reader scales by
/// the period. Lock-free, any context, about 2 KiB of stack.  False: sampling was never on.
bool write_profile(int file);

}  // namespace kmem
