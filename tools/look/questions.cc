#include "questions.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_set>

#include "objects.h"
#include "report/texts.h"
#include "roots.h"
#include "system/percpu_world.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

const char* kind_name(PageKind kind) {
  constexpr const char* kNames[] = {"none", "listed", "block", "slab", "slab tail", "run", "boot", "guarded", "tail"};
  return static_cast<unsigned>(kind) < std::size(kNames) ? kNames[static_cast<unsigned>(kind)] : "damaged";
}

/// What the core says of what is broken, in its own words: lines of the child's standard error.
class Said {
 public:
  Said() : fd_(memfd_create("said", MFD_CLOEXEC)) {
    if (fd_ >= 0) dup2(fd_, 2);
  }
  ~Said() {
    if (fd_ >= 0) close(fd_);
  }
  Said(const Said&) = delete;
  Said& operator=(const Said&) = delete;
  std::vector<std::string> lines() const {
    std::string text(1 << 20, '\0');
    const ssize_t n = fd_ >= 0 ? pread(fd_, text.data(), text.size(), 0) : 0;
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    std::vector<std::string> all;
    for (size_t at = 0, end; at < text.size(); at = end + 1) {
      end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      // Its call traces are those of the walker, in this tool.
      if (line.find("Call Trace:") == std::string::npos && line.find(" [<") == std::string::npos) all.push_back(line);
    }
    return all;
  }

 private:
  int fd_;
};

json cache_json(const Cache& cache) {
  return {{"name", name_of(cache)},
          {"object_size", cache.object_size()},
          {"stride", cache.slabs().shape().size},
          {"objects_per_slab", cache.slabs().shape().nr_objects},
          {"slabs", cache.nr_slabs()},
          {"keeps_owners", cache.checked().debug().on() && (cache.checked().debug().flags() & debug::kOwner) != 0}};
}

struct Visitor {
  Looker& looker;
  const ObjectWish& wish;
  const Cached& cached;
  uint64_t shown = 0;

  void visit(const Cache& cache, const Slab& slab) {
    for (uint32_t i = 0; i < cache.slabs().shape().nr_objects && (!wish.most || shown < wish.most); ++i) {
      const char* object = cache.slabs().frames().object_at(&slab, i);
      const State state = state_of(cache, slab, i, object, cached);
      if (wish.state != "all" && wish.state != name_of(state)) continue;
      json out{
          {"start", reinterpret_cast<uint64_t>(object)}, {"state", name_of(state)}, {"size", cache.checked().usable(object)}};
      if (json owner =
              owner_json(cache.checked().debug().owner(object, state == State::Out ? OwnerCall::Alloc : OwnerCall::Free));
          !owner.is_null())
        out[state == State::Out ? "allocated" : "freed"] = std::move(owner);
      looker.put({{"object", std::move(out)}});
      ++shown;
    }
  }
};

void put_violations(Looker& looker, const Validation& found) {
  for (size_t i = 0; i < found.nr && i < Validation::kMost; ++i) {
    const ViolationSnapshot& v = found.violations[i];
    looker.put({{"violation", {{"part", v.part}, {"rule", v.rule}, {"where", v.where}, {"want", v.want}, {"got", v.got}}}});
  }
  looker.put({{"damaged", found.damaged}});
}

}  // namespace

void ask_whatis(Looker& looker, uint64_t address) {
  looker.part(
      "address", "",
      [&] {
        looker.put({{"object", describe(address)}});
      },
      10);
}

void ask_objects(Looker& looker, const ObjectWish& wish) {
  looker.part(
      "cache ", wish.cache,
      [&] {
        const Cache* cache = cache_named(wish.cache);
        if (!cache) return;
        looker.put({{"cache", cache_json(*cache)}});
        const Cached cached = cached_of(*cache);
        Visitor visitor{looker, wish, cached};
        each_slab(cache, [&](const Cache& of, const Slab& slab) { visitor.visit(of, slab); });
      },
      looker.seconds_for_all());
}

void ask_frame(Looker& looker, uint64_t number) {
  looker.part("frame", "", [&] {
    PageAllocator& pages = system().pages;
    const Pfn pfn{number};
    if (!pages.is_online(pfn)) return looker.put({{"frame", {{"frame", number}, {"online", false}}}});
    const Page* page = pages.page_at(pfn);
    const uint64_t head = page->head.peek();
    json out{{"frame", number},
             {"online", true},
             {"free", pages.zone_of(pfn)->frames().is_free(pfn)},
             {"kind", kind_name(page->kind())},
             {"order", Page::order_of(head).value},
             {"references", Page::refs_of(head)},
             {"aux", page->aux},
             {"class", system().world.frame_class[number]},
             {"descriptor", reinterpret_cast<uint64_t>(page)}};
    const auto address = reinterpret_cast<uint64_t>(pages.address(pfn));
    out["at"] = describe(address);
    out["address"] = address;
    looker.put({{"frame", std::move(out)}});
  });
}

void ask_percpu(Looker& looker) {
  looker.part("per-CPU variables", "", [&] {
    const Copies& copies = percpu().copies;
    unsigned used = 0;
    for (uint32_t copy = 0; copy < copies.nr_copies() && copy < kMaxCopies; ++copy) used += copies.was_used(copy);
    looker.put({{"percpu",
                 {{"cpus", copies.nr_cpus()},
                  {"copies", copies.nr_copies()},
                  {"used_copies", used},
                  {"sequences", copies.sequences()},
                  {"chunks", percpu().heap.nr_chunks()}}}});
    for (uint32_t i = 0; i < percpu().heap.nr_chunks() && i < PercpuHeap::kMaxChunks; ++i) {
      const PercpuChunk& chunk = percpu().heap.chunk(i);
      looker.put({{"chunk",
                   {{"index", i},
                    {"variables", reinterpret_cast<uint64_t>(chunk.variables())},
                    {"bytes", kPercpuStride},
                    {"used_bytes", uint64_t{chunk.nr_used()} * PercpuChunk::kGrain},
                    {"longest_free_bytes", uint64_t{chunk.longest()} * PercpuChunk::kGrain}}}});
    }
  });
}

void ask_pools(Looker& looker) {
  looker.part("mempools", "", [&] {
    system().pools.each([&](const Mempool& pool) {
      looker.part("mempool", "", [&] {
        looker.put({{"pool",
                     {{"address", reinterpret_cast<uint64_t>(&pool)},
                      {"min_nr", pool.min_nr()},
                      {"reserved", pool.nr_reserved()},
                      {"out", pool.nr_out()},
                      {"waiting", pool.nr_waiting()},
                      {"alloc", reinterpret_cast<uint64_t>(pool.alloc_function())},
                      {"free", reinterpret_cast<uint64_t>(pool.free_function())}}}});
      });
    });
  });
}

// Locks that somebody holds would be waited for.
void ask_verify(Looker& looker, Validated what) {
  const Said said;
  looker.part("locks", "", [] { system().vmap.window().after_fork_in_child(), system().io.after_fork_in_child(); });
  const Validation& found = validate_system(what, looker.parts());
  put_violations(looker, found);
  looker.put({{"said", said.lines()}});
}

void ask_leaks(Looker& looker) {
  read_roots_of(looker.target(), looker.place());
  looker.part(
      "leaks", "",
      [&] {
        LeakScan scan(system().heap, system().world, marks_of(looker.place()));
        if (!scan.run(nullptr)) return;
        const LeakScan::Totals& t = scan.totals();
        scan.each_leak([&](const LeakScan::Leak& leak) {
          json out{{"start", reinterpret_cast<uint64_t>(leak.address)},
                   {"size", leak.bytes},
                   {"hash", content_hash(leak.address, leak.bytes)}};
          if (leak.cache) {
            out["cache"] = name_of(*leak.cache);
            if (json owner =
                    owner_json(leak.cache->checked().debug().owner(static_cast<const char*>(leak.address), OwnerCall::Alloc));
                !owner.is_null())
              out["allocated"] = std::move(owner);
          }
          looker.put({{"leak", std::move(out)}});
        });
        looker.put({{"totals",
                     {{"blocks", t.blocks},
                      {"bytes", t.bytes},
                      {"leaked_blocks", t.leaked_blocks},
                      {"leaked_bytes", t.leaked_bytes}}}});
      },
      looker.seconds_for_all());
}

// References ---------------------------------------------------------------------------------------------------------------

namespace {

struct Interval {
  uint64_t from, to;
};

/// A word that leads into one of the blocks looked for.
struct Reference {
  uint64_t at, word;
  size_t to;  // which block
};

/// In one pass over all memory.  `blocks` by address.
std::vector<Reference> find_references(const std::vector<Interval>& blocks, size_t most) {
  std::vector<Reference> found;
  const uint64_t low = blocks.front().from, high = blocks.back().to;
  each_word(Frames::Too, [&](uint64_t at, const uint64_t* words, size_t n) {
    for (size_t i = 0; i < n && found.size() < most; ++i) {
      if (words[i] - low >= high - low) continue;
      const auto after =
          std::upper_bound(blocks.begin(), blocks.end(), words[i], [](uint64_t w, const Interval& b) { return w < b.to; });
      if (after != blocks.end() && words[i] >= after->from)
        found.push_back({at ? at + i * sizeof *words : 0, words[i], static_cast<size_t>(after - blocks.begin())});
    }
  });
  return found;
}

/// What a reference lies in, for its reader; null where it counts for nothing: memory that is free, or kmem's own.
json source_of(Looker& looker, uint64_t at) {
  if (!at) return {{"kind", "register"}};
  json what = describe(at);
  const std::string kind = what["kind"];
  if (kind == "kmem" || kind == "free frame" || kind == "slab waste") return {};
  if (what.contains("state") && what["state"] != "out") return {};
  if (kind == "not kmem's")
    if (const Range* range = looker.target().range_of(at)) what["mapping"] = range->path;
  return what;
}

bool is_root(const json& source) { return !source.contains("start"); }

/// From a block to a root, by the shortest way that one pass after the other finds.
class Chain {
 public:
  Chain(Looker& looker, Interval block) : looker_(looker) { steps_.push_back({block, 0, {}}), seen_.insert(block.from); }
  /// False: no root within the depth.
  bool find() {
    for (size_t from = 0, depth = 0; depth < kDepth && from < steps_.size(); ++depth) {
      const size_t to = steps_.size();
      if (widen(from, to)) return true;
      from = to;
    }
    return false;
  }
  json result() const {
    json chain = json::array();
    for (size_t at = last_; at != 0; at = steps_[at].leads_to) chain.push_back(steps_[at].source);
    return chain;
  }

 private:
  static constexpr size_t kDepth = 12, kWidth = 4096;
  struct Step {
    Interval block;
    size_t leads_to;
    json source;
  };

  bool widen(size_t from, size_t to) {
    std::vector<std::pair<Interval, size_t>> sorted;
    for (size_t i = from; i < to; ++i) sorted.push_back({steps_[i].block, i});
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first.from < b.first.from; });
    std::vector<Interval> blocks;
    for (const auto& one : sorted) blocks.push_back(one.first);
    for (const Reference& reference : find_references(blocks, kWidth)) {
      json source = source_of(looker_, reference.at);
      if (source.is_null()) continue;
      const bool root = is_root(source);
      const Interval block =
          root ? Interval{0, 0}
               : Interval{source["start"], source["start"].get<uint64_t>() + source.value("size", uint64_t{1})};
      if (!root && !seen_.insert(block.from).second) continue;
      source["word"] = reference.word;
      last_ = steps_.size();
      steps_.push_back({block, sorted[reference.to].second, std::move(source)});
      if (root) return true;
    }
    return false;
  }

  Looker& looker_;
  std::vector<Step> steps_;
  std::unordered_set<uint64_t> seen_;
  size_t last_ = 0;
};

}  // namespace

void ask_references(Looker& looker, uint64_t address, uint64_t most) {
  read_roots_of(looker.target(), looker.place());
  looker.part(
      "references", "",
      [&] {
        const json what = describe(address);
        looker.put({{"object", what}});
        const uint64_t start = what.value("start", address & ~uint64_t{7}), size = what.value("size", uint64_t{8});
        const Interval block{start, start + std::max<uint64_t>(size, 1)};
        uint64_t shown = 0;
        for (const Reference& reference : find_references({block}, size_t{1} << 20)) {
          json source = source_of(looker, reference.at);
          if (source.is_null() || (!is_root(source) && source["start"] == start) || shown++ >= most) continue;
          source["word"] = reference.word;
          source["into"] = reference.word - start;
          looker.put({{"reference", std::move(source)}});
        }
        looker.put({{"references", shown}});
        Chain chain(looker, block);
        const bool found = chain.find();
        looker.put({{"chain", found ? chain.result() : json()}});
      },
      looker.seconds_for_all());
}

}  // namespace kmem::tool
