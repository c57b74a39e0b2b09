// Memblock against the simplest model there is: one entry for every byte of a small piece of address space.

#include "boot/memblock.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

#include "boot/free_walk.h"

namespace kmem {
namespace {

constexpr size_t kBytes = 384;     // of address space that the walk plays in
constexpr size_t kTableSize = 14;  // small, so that tables are often full
constexpr int kNodes = 3;
constexpr size_t kNowhere = ~size_t{0};

/// What the model knows of a byte.
struct Kind {
  bool there = false;
  int node = kNoNode;
  MemFlags flags = MemFlags::None;
  friend bool operator==(const Kind&, const Kind&) = default;
};

/// One list of regions, byte by byte.  Every operation is a loop; a change that the real table has no room for is
/// taken back.
class ByteList {
 public:
  explicit ByteList(uint64_t origin) : origin_(origin), bytes_(kBytes) {}

  Kind& operator[](size_t i) { return bytes_[i]; }
  const Kind& operator[](size_t i) const { return bytes_[i]; }

  std::vector<MemRegion> regions() const {
    std::vector<MemRegion> found;
    for (size_t i = 0; i < kBytes; ++i) {
      if (!bytes_[i].there) continue;
      if (i && bytes_[i - 1] == bytes_[i]) ++found.back().range.end;
      else found.push_back({{origin_ + i, origin_ + i + 1}, bytes_[i].node, bytes_[i].flags});
    }
    return found;
  }
  size_t nr_regions() const {
    size_t n = 0;
    for (size_t i = 0; i < kBytes; ++i) n += bytes_[i].there && (i == 0 || bytes_[i - 1] != bytes_[i]);
    return n;
  }

  template <typename F>
  bool change(size_t base, size_t end, F&& f) {
    const std::vector<Kind> before = bytes_;
    for (size_t i = base; i < end; ++i) f(bytes_[i]);
    if (nr_regions() <= kTableSize) return true;
    bytes_ = before;
    return false;
  }

  /// Recolouring cuts first and merges afterwards, so it needs room for the cuts.
  template <typename F>
  bool recolour(size_t base, size_t end, F&& f) {
    size_t cuts = 0;
    for (const size_t border : {base, end}) {
      if (border == 0 || border >= kBytes || base == end || !(bytes_[border - 1] == bytes_[border])) continue;
      Kind changed = bytes_[border];
      if (!changed.there) continue;
      f(changed);
      cuts += !(changed == bytes_[border]);
    }
    if (nr_regions() + cuts > kTableSize) return false;
    for (size_t i = base; i < end; ++i)
      if (bytes_[i].there) f(bytes_[i]);
    return true;
  }

 private:
  uint64_t origin_;
  std::vector<Kind> bytes_;
};

/// The real one and the model, side by side.
class SideBySide {
 public:
  SideBySide(uint64_t origin, uint64_t seed)
      : origin_(origin), random_(seed), memory_(origin), reserved_(origin), real_(memory_table_, reserved_table_) {}

  void step() {
    switch (below(16)) {
      case 0:
      case 1:
      case 2: return add();
      case 3: return remove();
      case 4:
      case 5: return reserve();
      case 6:
      case 7: return free();
      case 8: return mark();
      case 9: return set_node();
      case 10: return set_policy();
      case 11: return rarely();
      default: return alloc();
    }
  }

  void compare() {
    ASSERT_FALSE(real_.check()) << real_.check().rule;
    compare_list(real_.memory(), memory_);
    compare_list(real_.reserved(), reserved_);
  }

  void compare_looks() {
    const auto [base, end] = any_range();
    bool touches = false, all = true;
    for (size_t i = base; i < end; ++i) {
      touches |= memory_[i].there;
      all &= memory_[i].there;
    }
    ASSERT_EQ(real_.overlaps_memory(at(base), end - base), touches);
    ASSERT_EQ(real_.is_region_memory(at(base), end - base), all);
    const size_t i = below(kBytes);
    ASSERT_EQ(real_.is_memory(at(i)), memory_[i].there);
    ASSERT_EQ(real_.is_reserved(at(i)), reserved_[i].there);
    ASSERT_EQ(real_.is_map_memory(at(i)), memory_[i].there && !any(memory_[i].flags & MemFlags::NoMap));
    ASSERT_EQ(real_.node_of(at(i)), memory_[i].there ? memory_[i].node : kNoNode);
    compare_walk(FreeWalk::Direction::Up);
    compare_walk(FreeWalk::Direction::Down);
  }

  size_t nr_refused() const { return refused_; }
  size_t nr_given() const { return given_; }

 private:
  struct Ends {
    size_t base, end;
  };

  uint64_t below(uint64_t n) { return random_() % n; }
  PhysAddr at(size_t i) const { return {origin_ + i}; }
  /// Empty ones too.
  Ends any_range() {
    const size_t base = below(kBytes);
    const size_t most = below(3) ? 24 : kBytes;
    const size_t bytes = below(most);
    return {base, std::min(base + bytes, kBytes)};
  }
  int any_node() { return below(4) == 0 ? kNoNode : static_cast<int>(below(kNodes)); }
  MemFlags any_flags() { return below(2) ? MemFlags::None : static_cast<MemFlags>(1u << below(3)); }

  void expect(bool real, bool model) {
    refused_ += !model;
    ASSERT_EQ(real, model);
  }

  void add() {
    const auto [base, end] = any_range();
    const Kind kind{true, any_node(), any_flags()};
    const bool model = memory_.change(base, end, [&](Kind& k) { k = k.there ? k : kind; });
    expect(real_.add(at(base), end - base, kind.node, kind.flags), model);
  }
  void remove() {
    const auto [base, end] = any_range();
    const bool model = memory_.change(base, end, [](Kind& k) { k = {}; });
    expect(real_.remove(at(base), end - base), model);
  }
  void reserve() {
    const auto [base, end] = any_range();
    const Kind kind{true, any_node(), MemFlags::None};
    const bool model = reserved_.change(base, end, [&](Kind& k) { k = k.there ? k : kind; });
    expect(real_.reserve(at(base), end - base, kind.node), model);
  }
  void free() {
    const auto [base, end] = any_range();
    const bool model = reserved_.change(base, end, [](Kind& k) { k = {}; });
    expect(real_.free(at(base), end - base), model);
  }
  void mark() {
    const auto [base, end] = any_range();
    const MemFlags flags = static_cast<MemFlags>(1u << below(3));
    if (below(3)) {
      const bool model = memory_.recolour(base, end, [&](Kind& k) { k.flags = k.flags & ~flags; });
      return expect(real_.unmark(at(base), end - base, flags), model);
    }
    const bool model = memory_.recolour(base, end, [&](Kind& k) { k.flags = k.flags | flags; });
    expect(real_.mark(at(base), end - base, flags), model);
  }
  void set_node() {
    const auto [base, end] = any_range();
    const int node = any_node();
    const bool model = memory_.recolour(base, end, [&](Kind& k) { k.node = node; });
    expect(real_.set_node(at(base), end - base, node), model);
  }
  void set_policy() {
    real_.set_bottom_up(below(2));
    real_.set_avoid_hotplug(below(2));
    real_.set_current_limit(below(3) ? PhysAddr{~uint64_t{0}} : at(below(kBytes)));
  }

  /// What makes much memory disappear at once.
  void rarely() {
    if (below(8)) return;
    switch (below(3)) {
      case 0: return trim();
      case 1: return cap_total();
      default: return cap_range();
    }
  }
  void trim() {
    const uint64_t align = uint64_t{1} << below(5);
    for (const MemRegion& region : memory_.regions()) {
      const uint64_t base = (region.range.base + align - 1) / align * align, end = region.range.end / align * align;
      for (uint64_t a = region.range.base; a < region.range.end; ++a)
        if (a < base || a >= end) memory_[a - origin_] = {};
    }
    real_.trim(align);
  }
  void cap_total() {
    const size_t kept = below(kBytes);
    size_t seen = 0, border = kBytes;
    for (size_t i = 0; i < kBytes && border == kBytes; ++i)
      if (memory_[i].there && seen++ == kept) border = i;
    for (size_t i = border; i < kBytes; ++i) memory_[i] = reserved_[i] = {};
    real_.cap_total(kept);
  }
  void cap_range() {
    const auto [base, end] = any_range();
    for (size_t i = 0; i < kBytes && base < end; ++i) {
      if (i >= base && i < end) continue;
      if (!any(memory_[i].flags & MemFlags::NoMap)) memory_[i] = {};
      reserved_[i] = {};
    }
    real_.cap_range(at(base), end - base);
  }

  bool may_serve(size_t i, int node, bool only_mirror) const {
    const Kind& kind = memory_[i];
    if (!kind.there || reserved_[i].there || any(kind.flags & MemFlags::NoMap)) return false;
    if (real_.avoid_hotplug() && any(kind.flags & MemFlags::Hotplug)) return false;
    if (only_mirror && !any(kind.flags & MemFlags::Mirror)) return false;
    return node == kNoNode || kind.node == node;
  }

  size_t find(const MemRequest& r, int node, bool only_mirror) const {
    size_t best = kNowhere;
    size_t run = 0;  // bytes up to i, and with it, that may serve and are of one kind
    for (size_t i = 0; i < kBytes; ++i) {
      const uint64_t address = origin_ + i;
      const bool in_limits = address >= r.from.value && address < r.below.value && address < real_.current_limit().value;
      if (!in_limits || !may_serve(i, node, only_mirror)) {
        run = 0;
        continue;
      }
      run = run && memory_[i - 1] == memory_[i] ? run + 1 : 1;
      if (run < r.bytes || (address + 1 - r.bytes) % r.align) continue;
      if (!real_.bottom_up() || best == kNowhere) best = i + 1 - r.bytes;
    }
    return best;
  }

  size_t find_on_nodes(const MemRequest& r, bool only_mirror) const {
    const size_t found = find(r, r.node, only_mirror);
    return found != kNowhere || r.exact_node ? found : find(r, kNoNode, only_mirror);
  }

  void alloc() {
    MemRequest request{.bytes = 1 + below(24), .align = uint64_t{1} << below(6), .node = any_node()};
    request.exact_node = below(2);
    if (below(2)) request.from = at(below(kBytes));
    if (below(2)) request.below = at(below(kBytes));
    size_t model = find_on_nodes(request, true);
    if (model == kNowhere) model = find_on_nodes(request, false);
    if (model != kNowhere && !reserved_.change(model, model + request.bytes, [](Kind& k) { k.there = true; })) model = kNowhere;

    const auto real = real_.alloc(request);
    given_ += model != kNowhere;
    ASSERT_EQ(real ? real->value - origin_ : kNowhere, model);
  }

  static void compare_list(Span<const MemRegion> real, const ByteList& model) {
    const std::vector<MemRegion> want = model.regions();
    ASSERT_EQ(real.size, want.size());
    for (size_t i = 0; i < want.size(); ++i) ASSERT_TRUE(real[i] == want[i]) << "region " << i;
  }

  /// A walk tells each free byte once, in order, and never two kinds in one range.
  void compare_walk(FreeWalk::Direction direction) {
    WalkFilter filter{.node = any_node(), .without = any_flags()};
    std::vector<bool> told(kBytes);
    FreeWalk walk(real_, filter, direction);
    std::optional<MemRange> last;
    while (const auto free = walk.next()) {
      ASSERT_LT(free->range.base, free->range.end);
      const bool in_order =
          !last || (direction == FreeWalk::Direction::Up ? free->range.base >= last->end : free->range.end <= last->base);
      ASSERT_TRUE(in_order);
      last = free->range;
      for (uint64_t a = free->range.base; a < free->range.end; ++a) {
        ASSERT_TRUE((memory_[a - origin_] == Kind{true, free->node, free->flags}));
        told[a - origin_] = true;
      }
    }
    for (size_t i = 0; i < kBytes; ++i) {
      const Kind& k = memory_[i];
      const bool free =
          k.there && !reserved_[i].there && !any(k.flags & filter.without) && (filter.node == kNoNode || filter.node == k.node);
      ASSERT_EQ(told[i], free) << "byte " << i;
    }
  }

  uint64_t origin_;
  std::mt19937_64 random_;
  ByteList memory_, reserved_;
  MemRegion memory_table_[kTableSize], reserved_table_[kTableSize];
  Memblock real_;
  size_t refused_ = 0, given_ = 0;
};

void walk(uint64_t origin, uint64_t seed, int steps) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  SideBySide both(origin, seed);
  for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    both.step();
    both.compare();
    if (step % 8 == 0) both.compare_looks();
  }
  EXPECT_GT(both.nr_refused(), 0u) << "the tables were never full: the test has lost its point";
  EXPECT_GT(both.nr_given(), 0u);
}

// Ten times as far where nothing else slows it down.
#ifdef NDEBUG
constexpr int kFar = 1'000'000;
#else
constexpr int kFar = 100'000;
#endif

TEST(MemblockModel, a_random_walk_agrees_byte_by_byte) { walk(0x10000, 20260401, kFar); }

TEST(MemblockModel, other_seeds_agree_too) {
  for (uint64_t seed = 1; seed <= 4; ++seed) walk(0x12345, seed, 25'000);
}

/// The last address of all is nobody's: ranges are half open and end there.
TEST(MemblockModel, a_walk_at_the_very_end_of_the_address_space_agrees) { walk(~uint64_t{0} - kBytes, 20260402, 100'000); }

}  // namespace
}  // namespace kmem
