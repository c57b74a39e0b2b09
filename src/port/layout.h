#pragma once
// Where things lie relative to one base address, so that the fast paths reach all of them with constant
// displacements from one register.
//
//   base - kTablesBytes - kFrameTableSpan   class of each frame, one byte a frame, index pfn
//   base - kTablesBytes                     small tables: size to class, divisibility constants (slab/tables.h)
//   base                                    per-CPU words: kCpuStride bytes for each CPU, then for each shadow CPU
//   base + ...                              sheaves, the first of which stays zero (kClosed)
//   base + kBlocked                         always zero: reached by the cpu ids -1 and -2 of a thread
//                                           without restartable sequences
//
// A per-CPU word names the topmost entry of a sheaf: its distance from base in units of four bytes.  A sheaf fills
// downwards: its first entry lies below a zero, its last at the sheaf's start, where the low byte of the word is zero.
// So a pop finds "empty" in the entry that it loads anyway, and a push finds "full" in the borrow of its subtraction.
// A word of zero means "no sheaf here": its low byte is zero, and so is the word at base (no class has slot 0). So untouched
// memory is a valid initial state, and a thread without a CPU number takes the slow path.

#include "base/types.h"

namespace kmem {

inline constexpr size_t kTablesBytes = size_t{1} << 20;
inline constexpr size_t kFrameTableSpan = sizeof(void*) == 8 ? size_t{256} << 20 : size_t{1} << 20;
inline constexpr ptrdiff_t kTables = -static_cast<ptrdiff_t>(kTablesBytes);
/// Half a page into its span: the bytes of a zone's first frames, which every small heap has, then lie in the upper half of
/// a page, and do not look like the words of the per-CPU area below by their low 12 bits (slab/tables.h).
inline constexpr ptrdiff_t kFrameTable = kTables - static_cast<ptrdiff_t>(kFrameTableSpan) + 2048;
/// Frames that the frame table can name: 1 TiB of them, nearly; 4 GiB where addresses have 32 bits.
inline constexpr uint64_t kMaxFrames = kFrameTableSpan - kPageSize;

inline constexpr unsigned kCpuShift = 15;
inline constexpr size_t kCpuStride = size_t{1} << kCpuShift;
inline constexpr unsigned kMaxSlots = kCpuStride / sizeof(uint64_t);
inline constexpr size_t kBlockedBytes = 2 * kCpuStride;
/// With addresses of 32 bits it is what the CPU numbers -1 and -2 wrap to: the unused end of the small tables.
inline constexpr size_t kBlocked = static_cast<size_t>((uint64_t{1} << 32) - kBlockedBytes);

/// One word of every CPU's area: the top of a stack of pointers.
struct Slot {
  uint32_t index = 0;
  friend constexpr bool operator==(Slot, Slot) = default;
};

/// In a shadow CPU's area this word says which thread owns the shadow. The words of the classes come first.
inline constexpr unsigned kShadowState = 511;
/// Nor is this one: the bytes that are to be allocated on this CPU until the next sample of a heap profile (watch/profile.h).
inline constexpr unsigned kCountdown = 510;

/// A sheaf is 1 KiB, aligned.  Its last word is a link while it lies in a barn; the one before it is reserved for the zero.
inline constexpr unsigned kSheafShift = 10;
inline constexpr size_t kSheafBytes = size_t{1} << kSheafShift;
inline constexpr unsigned kSheafWords = kSheafBytes / sizeof(uint64_t);
inline constexpr unsigned kSheafCapacity = kSheafWords - 2;
/// The byte of a sheaf that says how many entries it has room for, which is where its zero is: several entries are moved at
/// once without looking for it.  It is not part of any entry, and zero in the sheaf that stays zero.
inline constexpr unsigned kCapacityByte = kSheafBytes - 3;
inline constexpr unsigned kWordUnit = 4;  // 256 units are one sheaf, so the low byte is the place within it
inline constexpr unsigned kWordStep = sizeof(uint64_t) / kWordUnit;
/// Sheaves that the space between the per-CPU words and kBlocked is used for, at most.
inline constexpr uint32_t kMaxSheaves = uint32_t{1} << 20;

}  // namespace kmem
