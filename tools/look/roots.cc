#include "roots.h"

#include <algorithm>
#include <cstring>

#include "port/port.h"
#include "system/percpu_world.h"
#include "system/system.h"

namespace kmem::tool {
namespace {

constexpr size_t kPiece = 256 << 10;

Target* the_target = nullptr;
const KmemPlace* the_place = nullptr;

struct Piece {
  uint64_t from, to;
};

uint64_t number(const void* p) { return reinterpret_cast<uint64_t>(p); }

/// Kmem's own: tables, descriptors, the objects of its core, and its frames unless they are looked at.
std::vector<Piece> own_pieces(Frames looked_at) {
  const System& s = system();
  const Machine& m = s.machine;
  std::vector<Piece> own = {{number(m.base) - kTablesBytes - kFrameTableSpan, number(m.base) + kBlocked + kBlockedBytes},
                            {number(m.descriptors), number(m.descriptors) + kMaxFrames * sizeof(Page)},
                            {number(m.metadata), number(m.metadata) + m.metadata_bytes},
                            {number(&system()), number(&system()) + sizeof(System)},
                            {number(&percpu()), number(&percpu()) + sizeof(PercpuWorld)}};
  for (unsigned i = 0; looked_at == Frames::Without && i < m.nr_ram && i < kMaxRamRanges; ++i) {
    const uint64_t start = number(m.direct_map) + m.ram[i].start.value;
    own.push_back({start, start + m.ram[i].bytes});
  }
  if (the_place->table.leak_marks)
    own.push_back({number(the_place->table.leak_marks), number(the_place->table.leak_marks) + sizeof(LeakMarks)});
  std::sort(own.begin(), own.end(), [](const Piece& a, const Piece& b) { return a.from < b.from; });
  return own;
}

/// Below its stack pointer a thread has nothing.
uint64_t start_of_stack(const Range& range, const std::vector<Thread>& threads) {
  constexpr uint64_t kRedZone = 128;
  uint64_t lowest = ~uint64_t{0};
  for (const Thread& thread : threads)
    if (thread.stack > range.from && thread.stack < range.to) lowest = std::min(lowest, thread.stack);
  return lowest == ~uint64_t{0} ? range.from : std::max(range.from, (lowest - kRedZone) & ~uint64_t{7});
}

bool holds_pointers(const Range& range) {
  constexpr uint64_t kLargest = uint64_t{1} << 40;  // a sanitizer's shadow
  return range.readable && range.writable && range.path.rfind("/dev/", 0) != 0 && range.path.rfind("[v", 0) != 0 &&
         range.to - range.from < kLargest;
}

/// What of a range is not kmem's own.
std::vector<Piece> without(Piece range, const std::vector<Piece>& own) {
  std::vector<Piece> left;
  for (const Piece& piece : own) {
    if (piece.to <= range.from || piece.from >= range.to) continue;
    if (piece.from > range.from) left.push_back({range.from, piece.from});
    range.from = std::min(piece.to, range.to);
  }
  if (range.from < range.to) left.push_back(range);
  return left;
}

}  // namespace

void read_roots_of(Target& target, const KmemPlace& place) { the_target = &target, the_place = &place; }

const LeakMarks& marks_of(const KmemPlace& place) {
  static constinit LeakMarks none;
  return place.table.leak_marks ? *static_cast<const LeakMarks*>(place.table.leak_marks) : none;
}

size_t read_target(uint64_t at, void* to, size_t bytes) {
  const Range* range = the_target->range_of(at);
  if (!range || !range->readable) return 0;
  bytes = static_cast<size_t>(std::min<uint64_t>(bytes, range->to - at));
  std::memset(to, 0, bytes);
  the_target->copy(*range, at, static_cast<char*>(to), bytes);
  return bytes;
}

uint64_t content_hash(const void* block, size_t bytes) {
  constexpr size_t kMost = 64;
  char start[kMost] = {};
  const size_t n = read_target(number(block), start, std::min(bytes, kMost));
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < n; ++i) hash = (hash ^ static_cast<unsigned char>(start[i])) * 0x100000001b3;
  return hash;
}

void each_word(Frames frames, const Visit& visit) {
  const std::vector<Piece> own = own_pieces(frames);
  const std::vector<Thread> threads = the_target->threads();
  for (const Thread& thread : threads) visit(0, thread.registers.data(), thread.registers.size());
  std::vector<uint64_t> words(kPiece / sizeof(uint64_t));
  for (const Range& range : the_target->ranges()) {
    if (!holds_pointers(range)) continue;
    for (const Piece& piece : without({start_of_stack(range, threads), range.to}, own))
      for (uint64_t at = piece.from; at < piece.to; at += kPiece) {
        const size_t bytes = static_cast<size_t>(std::min<uint64_t>(kPiece, piece.to - at));
        std::memset(words.data(), 0, bytes);
        the_target->copy(range, at, reinterpret_cast<char*>(words.data()), bytes);
        visit(at, words.data(), bytes / sizeof(uint64_t));
      }
  }
}

}  // namespace kmem::tool

extern "C" {

size_t kmem_port_read(const void* from, void* to, size_t bytes) {
  return kmem::tool::read_target(reinterpret_cast<uint64_t>(from), to, bytes);
}

void kmem_port_each_root(void (*visit)(void*, const char*, const uint64_t*, size_t), void* arg, const void*) {
  kmem::tool::each_word(kmem::tool::Frames::Without, [&](uint64_t at, const uint64_t* words, size_t n) {
    visit(arg, reinterpret_cast<const char*>(at), words, n);
  });
}
}
