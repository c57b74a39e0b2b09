// kmem map: what each page frame of a heap is used for.

#include "map.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "../look/page_map.h"
#include "failure.h"
#include "summary.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

constexpr uint64_t kPage = 4096;
/// Of the caches with the most frames; all others share a letter.
constexpr char kLetters[] = "ABCDEFGHIJKL";
constexpr size_t kLettered = sizeof kLetters - 1;
/// Of the 256 colours of a terminal, one for each letter, then one for the other caches.
constexpr int kColors[kLettered + 1] = {33, 208, 40, 196, 141, 178, 51, 205, 106, 63, 130, 99, 250};
struct KindLook {
  char letter;
  int color;
  const char* name;
};
constexpr KindLook kKinds[kCellKinds] = {{'.', 236, "given back to the host, or never used"},
                                         {'-', 242, "free, and still resident"},
                                         {'+', 255, "free, on the page list of a CPU"},
                                         {'?', 250, ""},
                                         {'#', 244, "with the program: pages and large blocks"},
                                         {'=', 238, "taken at boot"},
                                         {'!', 201, "guarded objects"}};

struct CacheUse {
  uint32_t cache = 0;
  uint64_t cells = 0, fill = 0;  // the sum of their percents
};

std::vector<CacheUse> caches_of(const HeapMap& map) {
  std::map<uint32_t, CacheUse> uses;
  for (const MapRange& range : map.ranges)
    for (const Cell& cell : range.cells)
      if (cell.kind == CellKind::Slab) {
        CacheUse& use = uses[cell.cache];
        use.cache = cell.cache, ++use.cells, use.fill += cell.fill;
      }
  std::vector<CacheUse> sorted;
  for (const auto& one : uses) sorted.push_back(one.second);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.cells > b.cells; });
  return sorted;
}

bool is_wanted_in_color(const std::string& color) {
  return color == "always" || (color == "auto" && isatty(1) && !std::getenv("NO_COLOR"));
}

unsigned width_of_terminal() {
  winsize size{};
  return isatty(1) && ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 30 ? size.ws_col : 80;
}

class Picture {
 public:
  Picture(const HeapMap& map, bool colored, unsigned width)
      : map_(map), colored_(colored), width_(width), caches_(caches_of(map)) {
    for (size_t i = 0; i < caches_.size(); ++i) rank_[caches_[i].cache] = std::min(i, kLettered);
  }

  void print() const {
    for (const MapRange& range : map_.ranges) print_range(range);
    print_legend();
  }

 private:
  /// A letter is small where the program has less than half of the cell's bytes; a colour is dark there.
  std::string text_of(const Cell& cell) const {
    const bool slab = cell.kind == CellKind::Slab;
    const size_t rank = slab ? rank_.at(cell.cache) : 0;
    const char letter = !slab ? kKinds[static_cast<size_t>(cell.kind)].letter : rank < kLettered ? kLetters[rank] : 'X';
    const char shown = slab && cell.fill < 50 ? static_cast<char>(letter + ('a' - 'A')) : letter;
    if (!colored_) return std::string(1, shown);
    const int color = slab ? kColors[rank] : kKinds[static_cast<size_t>(cell.kind)].color;
    return fmt::format("\033[{}38;5;{}m{}", cell.huge ? "4;" : "", color, shown) + (cell.huge ? "\033[24m" : "");
  }

  void print_range(const MapRange& range) const {
    const uint64_t frames = range.cells.size() * map_.frames_per_cell;
    fmt::print("node {}, zone {}, frames {} to {}, {}\n", range.node, range.zone, range.first, range.first + frames - 1,
               size_text(frames * kPage));
    for (size_t at = 0; at < range.cells.size(); at += width_) {
      std::string line;
      for (size_t i = at; i < std::min<size_t>(range.cells.size(), at + width_); ++i) line += text_of(range.cells[i]);
      fmt::print("{:>10} {}{}\n", range.first + at * map_.frames_per_cell, line, colored_ ? "\033[0m" : "");
    }
  }

  void print_legend() const {
    std::array<uint64_t, kCellKinds> counts{};
    uint64_t huge = 0;
    for (const MapRange& range : map_.ranges)
      for (const Cell& cell : range.cells) ++counts[static_cast<size_t>(cell.kind)], huge += cell.huge;
    fmt::print("\nA cell is {}{}.\n", size_text(map_.frames_per_cell * kPage),
               map_.frames_per_cell > 1 ? ", and shows what most of it is" : ", one page frame");
    for (size_t i = 0; i < kCellKinds; ++i)
      if (counts[i] && i != static_cast<size_t>(CellKind::Slab))
        print_line(Cell{static_cast<CellKind>(i), 0, false, 0}, counts[i], kKinds[i].name);
    for (size_t i = 0; i < caches_.size() && i < kLettered; ++i) {
      const CacheUse& use = caches_[i];
      print_line(Cell{CellKind::Slab, 100, false, use.cache}, use.cells,
                 fmt::format("{}, {} % of it with the program", name_of(use.cache), use.fill / use.cells));
    }
    uint64_t others = 0;
    for (size_t i = kLettered; i < caches_.size(); ++i) others += caches_[i].cells;
    if (others) print_line(Cell{CellKind::Slab, 100, false, caches_[kLettered].cache}, others, "slabs of all other caches");
    if (!caches_.empty()) fmt::print("Small letters: slabs of which the program has less than half.\n");
    if (!map_.huge_known) fmt::print("Whether huge pages back them is not known here.\n");
    else
      fmt::print("{} are backed by huge pages{}.\n", size_text(huge * map_.frames_per_cell * kPage),
                 colored_ && huge ? " (underlined)" : "");
  }

  void print_line(const Cell& cell, uint64_t cells, const std::string& what) const {
    fmt::print("  {}{} {:>10}  {}\n", text_of(cell), colored_ ? "\033[0m" : "", size_text(cells * map_.frames_per_cell * kPage),
               what);
  }

  std::string name_of(uint32_t cache) const { return cache < map_.caches.size() ? map_.caches[cache] : "?"; }

  const HeapMap& map_;
  const bool colored_;
  const unsigned width_;
  const std::vector<CacheUse> caches_;
  std::map<uint32_t, size_t> rank_;
};

}  // namespace

int map(const MapOptions& options) {
  move_out_of_the_way();
  constexpr unsigned kMargin = 11;  // the number of the first frame, and a blank
  const unsigned width = options.width ? options.width : width_of_terminal() - kMargin;
  const std::unique_ptr<Target> target = open_target(options.target);
  const json found = page_map_of(*target, find_kmem(*target, options.module), uint64_t{width} * options.rows);
  if (options.json) fmt::print("{}\n", found.dump(-1, ' ', false, json::error_handler_t::replace));
  else Picture(map_of(found), is_wanted_in_color(options.color), width).print();
  for (const json& skipped : found["skipped"])
    fmt::print(stderr, "kmem: not read: {}{}: {}\n", skipped["part"].get<std::string>(), skipped["name"].get<std::string>(),
               skipped["why"].get<std::string>());
  return found["skipped"].empty() ? 0 : 2;
}

}  // namespace kmem::tool
