// A core file, as the kernel or gcore writes it.  It may be cut off or damaged: whatever it says is checked against its size.

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "../kmem/failure.h"
#include "target.h"

namespace kmem::tool {
namespace {

constexpr size_t kMostSegments = 1 << 20;
constexpr size_t kLargestNotes = size_t{64} << 20;

class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat is;
    if (fd_ >= 0 && fstat(fd_, &is) == 0 && S_ISREG(is.st_mode)) bytes_ = static_cast<uint64_t>(is.st_size);
  }
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return fd_ >= 0; }
  uint64_t bytes() const { return bytes_; }
  size_t read(uint64_t at, void* to, size_t bytes) const {
    size_t done = 0;
    while (done < bytes) {
      const ssize_t got = pread(fd_, static_cast<char*>(to) + done, bytes - done, static_cast<off_t>(at + done));
      if (got <= 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

 private:
  int fd_;
  uint64_t bytes_ = 0;
};

class Core : public Target {
 public:
  explicit Core(const std::string& path) : path_(path), file_(path) {
    if (!file_.is_open()) throw Failure(fmt::format("{}: {}", path, std::strerror(errno)));
    read_segments();
    name_files();
  }
  bool is_core() const override { return true; }
  uint64_t bytes() const override { return file_.bytes(); }
  std::vector<Thread> threads() override { return threads_; }

  size_t read(uint64_t at, void* to, size_t bytes) override {
    size_t done = 0;
    while (done < bytes) {
      const Range* range = range_of(at + done);
      if (!range) break;
      const size_t want = static_cast<size_t>(std::min<uint64_t>(bytes - done, range->to - at - done));
      const size_t got = read_in(*range, at + done, static_cast<char*>(to) + done, want);
      done += got;
      if (got < want) break;
    }
    return done;
  }
  size_t copy(const Range& range, uint64_t at, char* to, size_t bytes) override {
    return bytes - read_in(range, at, to, bytes);
  }

 private:
  /// What a range has in the core file, and in the file that was mapped.
  struct Kept {
    uint64_t offset = 0, bytes = 0;
    const File* mapped = nullptr;
  };

  size_t read_in(const Range& range, uint64_t at, char* to, size_t bytes) {
    const Kept& kept = kept_[static_cast<size_t>(&range - ranges_.data())];
    const uint64_t into = at - range.from;
    size_t done = 0;
    if (into < kept.bytes) {
      done = static_cast<size_t>(std::min<uint64_t>(bytes, kept.bytes - into));
      const size_t got = file_.read(kept.offset + into, to, done);
      if (got < done) return got;
    }
    if (done < bytes && kept.mapped) done += kept.mapped->read(range.offset + into + done, to + done, bytes - done);
    return done;
  }

  void read_segments() {
    Elf64_Ehdr head{};
    if (file_.read(0, &head, sizeof head) < sizeof head || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_type != ET_CORE)
      throw Failure(fmt::format("{} is neither a process nor a core file of 64 bits", path_));
    size_t nr = head.e_phnum;
    Elf64_Shdr first{};
    if (nr == PN_XNUM && file_.read(head.e_shoff, &first, sizeof first) == sizeof first) nr = first.sh_info;
    for (size_t i = 0; i < std::min(nr, kMostSegments); ++i) {
      Elf64_Phdr segment{};
      if (file_.read(head.e_phoff + i * sizeof segment, &segment, sizeof segment) < sizeof segment) break;
      if (segment.p_type == PT_LOAD && segment.p_vaddr + segment.p_memsz > segment.p_vaddr) segments_.push_back(segment);
      if (segment.p_type == PT_NOTE) read_notes(segment);
    }
    std::sort(segments_.begin(), segments_.end(), [](const auto& a, const auto& b) { return a.p_vaddr < b.p_vaddr; });
    for (const Elf64_Phdr& s : segments_) {
      if (!ranges_.empty() && s.p_vaddr < ranges_.back().to) continue;
      ranges_.push_back({s.p_vaddr,
                         s.p_vaddr + s.p_memsz,
                         (s.p_flags & PF_R) != 0,
                         (s.p_flags & PF_W) != 0,
                         (s.p_flags & PF_X) != 0,
                         false,
                         0,
                         {}});
      kept_.push_back({s.p_offset, s.p_filesz, nullptr});
    }
    if (ranges_.empty()) throw Failure(fmt::format("{} has kept no memory", path_));
  }

  void read_notes(const Elf64_Phdr& segment) {
    if (segment.p_filesz > kLargestNotes) return;
    std::string notes(segment.p_filesz, '\0');
    notes.resize(file_.read(segment.p_offset, notes.data(), notes.size()));
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
      Elf64_Nhdr note;
      std::memcpy(&note, notes.data() + at, sizeof note);
      const size_t text = at + sizeof note + ((size_t{note.n_namesz} + 3) & ~size_t{3});
      const size_t end = text + ((size_t{note.n_descsz} + 3) & ~size_t{3});
      if (end > notes.size()) break;
      read_note(note.n_type, notes.data() + text, note.n_descsz);
      at = end;
    }
  }

  void read_note(uint32_t type, const char* at, size_t bytes) {
    if (type == NT_PRSTATUS && bytes >= sizeof(elf_prstatus)) {
      elf_prstatus status;
      std::memcpy(&status, at, sizeof status);
      const auto* words = reinterpret_cast<const uint64_t*>(&status.pr_reg);
      threads_.push_back({status.pr_pid, {words, words + sizeof status.pr_reg / sizeof *words}, 0});
      threads_.back().stack = stack_pointer(threads_.back().registers);
    } else if (type == NT_PRPSINFO && bytes >= sizeof(elf_prpsinfo)) {
      elf_prpsinfo info;
      std::memcpy(&info, at, sizeof info);
      pid_ = info.pr_pid;
      parent_ = info.pr_ppid;
      name_.assign(info.pr_fname, strnlen(info.pr_fname, sizeof info.pr_fname));
    } else if (type == NT_FILE && bytes >= 16) {
      read_files(at, bytes);
    }
  }

  // {count, page size, count times {from, to, offset in pages}, count names}
  void read_files(const char* at, size_t bytes) {
    uint64_t head[2];
    std::memcpy(head, at, sizeof head);
    if (head[0] > (bytes - sizeof head) / (3 * sizeof(uint64_t))) return;
    const char* name = at + sizeof head + head[0] * 3 * sizeof(uint64_t);
    for (uint64_t i = 0; i < head[0] && name < at + bytes; ++i) {
      uint64_t entry[3];
      std::memcpy(entry, at + sizeof head + i * sizeof entry, sizeof entry);
      const size_t length = strnlen(name, static_cast<size_t>(at + bytes - name));
      files_[entry[0]] = {entry[0], entry[1], true, false, false, false, entry[2] * head[1], std::string(name, length)};
      name += length + 1;
    }
  }

  const File* file_of(const std::string& path) {
    auto& file = mapped_[path];
    if (!file) file = std::make_unique<File>(path);
    return file->is_open() ? file.get() : nullptr;
  }

  void name_files() {
    for (size_t i = 0; i < ranges_.size(); ++i) {
      Range& range = ranges_[i];
      auto file = files_.upper_bound(range.from);
      if (file == files_.begin()) continue;
      --file;
      if (range.from >= file->second.to) continue;
      range.path = file->second.path;
      range.offset = file->second.offset + range.from - file->second.from;
      if (range.path.rfind("/dev/", 0) != 0) kept_[i].mapped = file_of(range.path);
    }
  }

  std::string path_;
  File file_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Kept> kept_;
  std::vector<Thread> threads_;
  std::map<uint64_t, Range> files_;
  std::map<std::string, std::unique_ptr<File>> mapped_;
};

}  // namespace

std::unique_ptr<Target> open_core(const std::string& file) { return std::make_unique<Core>(file); }

}  // namespace kmem::tool
