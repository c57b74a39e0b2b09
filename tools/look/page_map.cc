#include "page_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_set>

#include "../kmem/failure.h"
#include "objects.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

/// What lies in the frames of one cell.
struct Sum {
  std::array<uint32_t, kCellKinds> frames{};
  std::map<uint32_t, uint32_t> caches;  // frames of slabs, by cache
  uint64_t out_bytes = 0;               // with the program
  bool huge = false;

  void add(CellKind kind, uint64_t bytes_out) { ++frames[static_cast<size_t>(kind)], out_bytes += bytes_out; }
  Cell cell(uint64_t nr_frames) const {
    Cell cell;
    const auto most = std::max_element(frames.begin(), frames.end());
    cell.kind = static_cast<CellKind>(most - frames.begin());
    const uint64_t percent = out_bytes * 100 / (nr_frames * kPageSize);
    cell.fill = static_cast<uint8_t>(std::min<uint64_t>(100, out_bytes && !percent ? 1 : percent));
    cell.huge = huge;
    if (cell.kind != CellKind::Slab) return cell;
    cell.cache =
        std::max_element(caches.begin(), caches.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
    return cell;
  }
};

CellKind kind_of_used(const Page& page) {
  switch (page.kind()) {
    case PageKind::Boot: return CellKind::Boot;
    case PageKind::Guarded: return CellKind::Guarded;
    default: return CellKind::Pages;
  }
}

/// Goes over a zone's frames.
class Walk {
 public:
  Walk(Looker& looker, uint64_t per) : looker_(looker), per_(per) {
    system().pages.lists().visit([](void* self, Pfn pfn) { static_cast<Walk*>(self)->listed_.insert(pfn.value); }, this);
    const uint64_t start = reinterpret_cast<uint64_t>(system().machine.direct_map);
    huge_known_ = looker.target().huge_pages(start, start + system().pages.frames_end() * kPageSize, huge_);
  }
  bool huge_known() const { return huge_known_; }

  void range(const Zone& zone, Pfn first, uint64_t nr) {
    json cells = json::array();
    Cell before;
    uint64_t same = 0;
    const auto put = [&] {
      if (same) cells.push_back({same, static_cast<unsigned>(before.kind), before.cache, before.fill, before.huge ? 1 : 0});
    };
    for (uint64_t at = 0; at < nr; at += per_) {
      const Cell cell = cell_of(zone, first + at, std::min(per_, nr - at));
      if (same && cell == before) {
        ++same;
        continue;
      }
      put();
      before = cell, same = 1;
    }
    put();
    looker_.put({{"range",
                  {{"zone", kZoneNames[static_cast<unsigned>(zone.kind()) % 5]},
                   {"node", zone.node().value},
                   {"first", first.value},
                   {"cells", std::move(cells)}}}});
  }

 private:
  static constexpr const char* kZoneNames[] = {"DMA", "DMA32", "Normal", "HighMem", "Movable"};

  Cell cell_of(const Zone& zone, Pfn first, uint64_t nr) {
    Sum sum;
    for (uint64_t i = 0; i < nr; ++i) add(sum, zone, first + i);
    sum.huge = is_huge(first);
    return sum.cell(nr);
  }

  void add(Sum& sum, const Zone& zone, Pfn pfn) {
    if (zone.frames().is_free(pfn)) return sum.add(zone.frames().is_clean(pfn) ? CellKind::Clean : CellKind::Dirty, 0);
    if (listed_.count(pfn.value)) return sum.add(CellKind::Listed, 0);
    if (system().world.frame_class[pfn.value] && add_slab(sum, pfn)) return;
    const CellKind kind = kind_of_used(*system().pages.page_at(pfn));
    sum.add(kind, kind == CellKind::Pages ? kPageSize : 0);
  }

  /// Neighbours lie in the same slab: it is looked up once.
  bool add_slab(Sum& sum, Pfn pfn) {
    if (pfn.value - slab_.first.value >= slab_frames_) {
      slab_ = place_of(reinterpret_cast<uint64_t>(system().pages.address(pfn)));
      slab_frames_ = slab_.cache ? slab_.cache->slabs().shape().order.pages() : 0;
      if (pfn.value - slab_.first.value >= slab_frames_) return slab_frames_ = 0, false;
    }
    const SlabShape& shape = slab_.cache->slabs().shape();
    const int64_t out = std::max<int64_t>(0, int64_t{shape.nr_objects} - std::max(0, slab_.slab->nr_free()));
    sum.add(CellKind::Slab, static_cast<uint64_t>(out) * shape.size / slab_frames_);
    ++sum.caches[slab_.slab->cache_id()];
    return true;
  }

  bool is_huge(Pfn pfn) {
    const auto at = reinterpret_cast<uint64_t>(system().pages.address(pfn));
    const auto after = std::upper_bound(huge_.begin(), huge_.end(), at, [](uint64_t a, const auto& h) { return a < h.second; });
    return after != huge_.end() && after->first <= at;
  }

  Looker& looker_;
  const uint64_t per_;
  std::unordered_set<uint64_t> listed_;
  std::vector<std::pair<uint64_t, uint64_t>> huge_;
  bool huge_known_ = false;
  Place slab_;
  uint64_t slab_frames_ = 0;
};

template <typename F>
void each_online(Zone& zone, F visit) {
  const uint64_t end = zone.nr_frames();
  for (uint64_t at = 0; at < end;) {
    const auto online = [&](uint64_t frame) { return zone.is_online(zone.first() + frame); };
    const uint64_t from = at;
    const bool is = online(from);
    while (at < end && online(at) == is) at = std::min(end, at + kSectionFrames - at % kSectionFrames);
    if (is) visit(zone.first() + from, at - from);
  }
}

// Apart from Mirror::run(), whose longjmp() would lose what these keep in registers.

[[gnu::noinline]] uint64_t online_frames() {
  uint64_t nr_online = 0;
  for (Zone& zone : system().pages.all()) each_online(zone, [&](Pfn, uint64_t nr) { nr_online += nr; });
  return nr_online;
}

/// Does the host tell which pages are huge?
[[gnu::noinline]] bool put_ranges(Looker& looker, uint64_t per) {
  Walk walk(looker, per);
  for (Zone& zone : system().pages.all()) each_online(zone, [&](Pfn first, uint64_t nr) { walk.range(zone, first, nr); });
  return walk.huge_known();
}

[[gnu::noinline]] void put_map(Looker& looker, uint64_t per, bool huge_known) {
  json names = json::array();
  for (uint32_t id = 0; id <= system().heap.nr_caches() && id < CacheTable::kMost; ++id) {
    const Cache* cache = cache_of(id);
    names.push_back(cache ? name_of(*cache) : "");
  }
  looker.put({{"map", {{"per", per}, {"huge_known", huge_known}, {"caches", std::move(names)}}}});
}

/// What an answer is made of is written by parts that may be left in their middle.
struct Made {
  uint64_t per = 1;
  uint64_t online = 0;
  bool huge_known = false;
};

}  // namespace

void ask_map(Looker& looker, uint64_t most_cells) {
  constexpr unsigned kSeconds = 20;
  static Made made;
  looker.part("zones", "", [] { made.online = online_frames(); });
  while (made.per < kSectionFrames && made.online / made.per > most_cells) made.per *= 2;
  looker.part(
      "frames", "", [&] { made.huge_known = put_ranges(looker, made.per); }, kSeconds);
  looker.part("caches", "", [&] { put_map(looker, made.per, made.huge_known); });
}

json page_map_of(Target& target, const KmemPlace& place, uint64_t most_cells) {
  const Answers answers = look(target, place, [&](Looker& looker) { ask_map(looker, most_cells); });
  if (answers.conflict) throw Failure("its addresses are in use in this tool");
  const json* found = answers.find("map");
  if (!found) throw not_read(target, answers);
  json map = (*found)["map"];
  map["ranges"] = json::array();
  for (const json& answer : answers.all)
    if (answer.contains("range")) map["ranges"].push_back(answer["range"]);
  map["skipped"] = answers.skipped;
  return map;
}

HeapMap map_of(const json& map) {
  HeapMap out;
  out.frames_per_cell = map["per"];
  out.huge_known = map["huge_known"];
  for (const json& name : map["caches"]) out.caches.push_back(name);
  for (const json& range : map["ranges"]) {
    MapRange one{range["zone"], range["node"], range["first"], {}};
    for (const json& run : range["cells"]) {
      Cell cell{static_cast<CellKind>(run[1].get<unsigned>() % kCellKinds), run[3], run[4] != 0, run[2]};
      one.cells.insert(one.cells.end(), run[0].get<size_t>(), cell);
    }
    out.ranges.push_back(std::move(one));
  }
  return out;
}

}  // namespace kmem::tool
