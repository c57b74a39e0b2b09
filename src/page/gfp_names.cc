#include "page/gfp_names.h"

#include "base/format.h"

namespace kmem {
namespace {

struct Name {
  Gfp bits;
  const char* text;
};
/// Combinations before the single bits that they are made of, as the kernel prints them.
constexpr Name kNames[] = {
    {gfp::kKernel | gfp::kHardWall | gfp::kHighMem, "GFP_HIGHUSER"},
    {gfp::kKernel | gfp::kHardWall, "GFP_USER"},
    {gfp::kKernel, "GFP_KERNEL"},
    {gfp::kDirectReclaim | gfp::kKswapdReclaim | gfp::kIo, "GFP_NOFS"},
    {gfp::kAtomic, "GFP_ATOMIC"},
    {gfp::kDirectReclaim | gfp::kKswapdReclaim, "GFP_NOIO"},
    {gfp::kKswapdReclaim, "GFP_NOWAIT"},
    {gfp::kDma, "GFP_DMA"},
    {gfp::kDma32, "GFP_DMA32"},
    {gfp::kHighMem, "__GFP_HIGHMEM"},
    {gfp::kMovable, "__GFP_MOVABLE"},
    {gfp::kReclaimable, "__GFP_RECLAIMABLE"},
    {gfp::kHigh, "__GFP_HIGH"},
    {gfp::kIo, "__GFP_IO"},
    {gfp::kFs, "__GFP_FS"},
    {gfp::kDirectReclaim, "__GFP_DIRECT_RECLAIM"},
    {gfp::kNoWarn, "__GFP_NOWARN"},
    {gfp::kRetryMayFail, "__GFP_RETRY_MAYFAIL"},
    {gfp::kNoFail, "__GFP_NOFAIL"},
    {gfp::kNoRetry, "__GFP_NORETRY"},
    {gfp::kZero, "__GFP_ZERO"},
    {gfp::kComp, "__GFP_COMP"},
    {gfp::kThisNode, "__GFP_THISNODE"},
    {gfp::kAccount, "__GFP_ACCOUNT"},
    {gfp::kMemAlloc, "__GFP_MEMALLOC"},
    {gfp::kNoMemAlloc, "__GFP_NOMEMALLOC"},
    {gfp::kHardWall, "__GFP_HARDWALL"},
    {gfp::kWrite, "__GFP_WRITE"},
    {gfp::kCold, "__GFP_COLD"},
};

}  // namespace

void name_flags(Gfp gfp, char* out, size_t bytes) {
  Text text(Span<char>(out, bytes));
  bool first = true;
  for (const Name& name : kNames) {
    if ((gfp & name.bits) != name.bits) continue;
    gfp &= ~name.bits;
    if (!first) text.put('|');
    text.put(name.text);
    first = false;
  }
  if (first) text.put("none");
}

}  // namespace kmem
