#pragma once
// For a tool that reads a process from outside, or its core dump (docs/decisions/looking-from-outside.md): the addresses of the
// core's objects, and digests of their types.
//
// The table is constant-initialised. The reader contains a core with the same layout, and accepts a table only if its own has
// the same version and digests.

#include "base/attributes.h"
#include "base/types.h"

namespace kmem {

inline constexpr char kLookMagic[8] = {'k', 'm', 'e', 'm', 'l', 'o', 'o', 'k'};
/// Incremented when a member's meaning changes but not its place and name; docs/decisions/looking-from-outside.md tells which
/// changes the digests detect.
inline constexpr uint32_t kLookVersion = 3;
inline constexpr unsigned kLookTypes = 32;

struct LookTable {
  char magic[8];
  uint32_t version;
  uint32_t bytes;              // of this table
  uint64_t digest;             // of the layout of all types that a tool reads: tools/layout/reached.cc
  char name[24];               // of the version, for people
  uint32_t types[kLookTypes];  // the same for each type, to tell which one differs

  const void* system;         // System
  const void* percpu;         // PercpuWorld
  const void* claim;          // BootClaim: whether kmem is up
  const void* distances;      // address of a pointer to the distances of the CPUs' copies
  const void* serves_malloc;  // a bool
  const void* leak_marks;     // LeakMarks; null if no face has them
  const void* profile;        // ProfileWorld
};

}  // namespace kmem

/// This core's table.
extern "C" KMEM_HIDDEN const kmem::LookTable kmem_look_table;
