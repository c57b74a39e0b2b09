#pragma once
// Where a target keeps pointers, and what reads its memory in bulk: past the mirror, once, in large pieces.

#include <functional>

#include "find_kmem.h"
#include "slab/leak_scan.h"

namespace kmem::tool {

/// From now on kmem_port_each_root() and kmem_port_read() are about the target.
void read_roots_of(Target& target, const KmemPlace& place);
/// Calls visit(address, words, how many) for every piece of memory that may hold pointers, and with address 0 for the registers
/// of each thread.  Kmem's frames too, whatever is in them, or not.
enum class Frames : bool { Without, Too };
using Visit = std::function<void(uint64_t at, const uint64_t* words, size_t n)>;
void each_word(Frames frames, const Visit& visit);
/// The bytes of one range; what was never touched reads as zero, and stays untouched.
size_t read_target(uint64_t at, void* to, size_t bytes);
/// What its program has said about its blocks; within Mirror::run().
const LeakMarks& marks_of(const KmemPlace& place);
/// Of the first bytes of a block: blocks of one kind often begin alike.
uint64_t content_hash(const void* block, size_t bytes);

}  // namespace kmem::tool
