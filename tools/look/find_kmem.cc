// The note of ports/linux/look_note.cc, by the headers of whatever is loaded; then the table that it leads to.

#include "find_kmem.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "../kmem/failure.h"
#include "system/boot_memory.h"
#include "system/look_shape.h"
#include "system/percpu_world.h"
#include "system/system.h"

namespace kmem::tool {
namespace {

constexpr LookTable kOwn = look_shape(KMEM_VERSION);
constexpr size_t kMostNotes = 4096;
constexpr char kAdvice[] = "use the tool that was built with it";

/// What the note says.
struct NoteWords {
  uint32_t version;
  int32_t table, areas_used;  // distances from the note's words
  uint32_t rest;
};

struct Note {
  uint64_t at = 0;  // of its words; 0: none
  NoteWords words{};
};

Note note_in(const std::string& notes, uint64_t at) {
  for (size_t i = 0; i + sizeof(Elf64_Nhdr) <= notes.size();) {
    Elf64_Nhdr head;
    std::memcpy(&head, notes.data() + i, sizeof head);
    const size_t words = i + sizeof head + ((size_t{head.n_namesz} + 3) & ~size_t{3});
    const size_t end = words + ((size_t{head.n_descsz} + 3) & ~size_t{3});
    if (end > notes.size()) break;
    if (head.n_namesz == 5 && head.n_descsz == sizeof(NoteWords) && !std::memcmp(notes.data() + i + sizeof head, "kmem", 5)) {
      Note note{at + words, {}};
      std::memcpy(&note.words, notes.data() + words, sizeof note.words);
      return note;
    }
    i = end;
  }
  return {};
}

/// Of the file whose beginning is mapped at `base`.
Note note_of(Target& target, uint64_t base) {
  Elf64_Ehdr head;
  if (!target.get(base, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
      head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > 64)
    return {};
  std::vector<Elf64_Phdr> segments(head.e_phnum);
  const size_t bytes = segments.size() * sizeof(Elf64_Phdr);
  if (target.read(base + head.e_phoff, segments.data(), bytes) < bytes) return {};
  const auto first = std::find_if(segments.begin(), segments.end(),
                                  [](const Elf64_Phdr& s) { return s.p_type == PT_LOAD && s.p_offset == 0; });
  if (first == segments.end()) return {};
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_NOTE) continue;
    const uint64_t at = base - first->p_vaddr + segment.p_vaddr;
    std::string notes(std::min<size_t>(segment.p_filesz, kMostNotes), '\0');
    notes.resize(target.read(at, notes.data(), notes.size()));
    if (const Note note = note_in(notes, at); note.at) return note;
  }
  return {};
}

bool is_writable(const Target& target, const void* p, size_t bytes) {
  const auto at = reinterpret_cast<uint64_t>(p);
  for (uint64_t here = at; here < at + bytes;) {
    const Range* range = target.range_of(here);
    if (!range || !range->writable) return false;
    here = range->to;
  }
  return bytes != 0;
}

/// The types that the two have laid out otherwise, as far as both know of them.
std::string what_differs(const LookTable& t) {
  std::string names;
  unsigned i = 0;
  for (const char* name : kLayoutNames) {
    if (t.types[i] != kOwn.types[i]) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    ++i;
  }
  return names.empty() ? "" : " in " + names;
}

std::string problem_of(const Target& target, const LookTable& t) {
  if (std::memcmp(t.magic, kOwn.magic, sizeof t.magic) != 0) return "its table is damaged";
  const std::string name(t.name, strnlen(t.name, sizeof t.name));
  if (t.version != kOwn.version || t.bytes != kOwn.bytes)
    return fmt::format("its table has version {}, and this tool knows version {} (it is kmem {}, this is {}): {}", t.version,
                       kOwn.version, name, kOwn.name, kAdvice);
  if (t.digest != kOwn.digest)
    return fmt::format("it is laid out otherwise than this tool's{} (it is kmem {}, this is {}): {}", what_differs(t), name,
                       kOwn.name, kAdvice);
  const bool whole = is_writable(target, t.system, sizeof(System)) && is_writable(target, t.percpu, sizeof(PercpuWorld)) &&
                     is_writable(target, t.claim, sizeof(uint64_t));
  return whole ? "" : "its table names addresses at which there is nothing";
}

KmemPlace place_at(Target& target, const std::string& module, const Note& note) {
  KmemPlace place;
  place.module = module;
  place.areas_used = note.at + static_cast<uint64_t>(int64_t{note.words.areas_used});
  if (note.words.version != 1 || !target.get(note.at + static_cast<uint64_t>(int64_t{note.words.table}), place.table))
    place.problem = "its table cannot be read";
  else place.problem = problem_of(target, place.table);
  if (!place.problem.empty()) return place;
  uint64_t claim = 0;
  place.is_up = target.get(reinterpret_cast<uint64_t>(place.table.claim), claim) && claim == 1;
  target.get(reinterpret_cast<uint64_t>(place.table.serves_malloc), place.serves_malloc);
  return place;
}

}  // namespace

std::vector<KmemPlace> find_all_kmem(Target& target) {
  std::vector<KmemPlace> found;
  for (const Range& range : target.ranges()) {
    if (!range.readable || range.offset != 0 || !range.is_file() || range.path.rfind("/dev/", 0) == 0) continue;
    if (const Note note = note_of(target, range.from); note.at) found.push_back(place_at(target, range.path, note));
  }
  return found;
}

KmemPlace find_kmem(Target& target, const std::string& module) {
  std::vector<KmemPlace> all = find_all_kmem(target);
  all.erase(
      std::remove_if(all.begin(), all.end(), [&](const KmemPlace& p) { return p.module.find(module) == std::string::npos; }),
      all.end());
  const auto worth = [](const KmemPlace& p) { return p.problem.empty() * 4 + p.is_up * 2 + p.serves_malloc; };
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return worth(a) > worth(b); });
  const std::string what = target.is_core() ? "the core" : fmt::format("process {} ({})", target.pid(), target.name());
  if (all.empty()) throw Failure(fmt::format("{} has no kmem, or one that is too old to be looked at from outside", what));
  if (!all[0].problem.empty()) throw Failure(fmt::format("the kmem in {} cannot be looked at: {}", what, all[0].problem));
  if (!all[0].is_up) throw Failure(fmt::format("the kmem in {} has not been used yet", what));
  return all[0];
}

}  // namespace kmem::tool
