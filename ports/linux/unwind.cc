// Return addresses by the compiler's tables for exceptions, and by frame pointers if there are none.
//
// The dynamic linker finds an address's tables without a lock (_dl_find_object). Rows are cached by instruction, because a
// program allocates at few places.

#include "unwind.h"

#include <dlfcn.h>
#include <string.h>
#include <ucontext.h>

#include "linux_port.h"
#include "port/port.h"

namespace linux_port {

uint64_t UnwindRow::packed() const {
  return static_cast<uint64_t>(kind) | static_cast<uint64_t>(frame_pointer) << 3 | uint64_t{is_last} << 5 |
         uint64_t{static_cast<uint32_t>(cfa)} << 8 | static_cast<uint64_t>(saved) << 40;
}

UnwindRow UnwindRow::unpacked(uint64_t word) {
  UnwindRow row;
  row.kind = static_cast<Cfa>(word & 7);
  row.frame_pointer = static_cast<Saved>(word >> 3 & 3);
  row.is_last = word >> 5 & 1;
  row.cfa = static_cast<int32_t>(word >> 8);
  row.saved = static_cast<int32_t>(static_cast<int64_t>(word) >> 40);
  return row;
}

namespace {

#if defined(__x86_64__)

constexpr unsigned kFrameRegister = 6, kStackRegister = 7, kReturnRegister = 16;

/// Reads the encoded bytes of a table; reads zero beyond its end.
class Bytes {
 public:
  Bytes(const uint8_t* at, const uint8_t* end) : at_(at), end_(end) {}
  bool more() const { return at_ < end_; }
  const uint8_t* at() const { return at_; }
  void skip(uint64_t n) { at_ = n < left() ? at_ + n : end_; }
  template <typename T>
  T get() {
    T value{};
    if (left() < sizeof value) return at_ = end_, value;
    memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  uint64_t uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; more() && shift < 64; shift += 7) {
      const uint8_t byte = *at_++;
      value |= uint64_t{byte & 0x7fu} << shift;
      if (!(byte & 0x80)) break;
    }
    return value;
  }
  int64_t sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; more() && shift < 64;) {
      const uint8_t byte = *at_++;
      value |= uint64_t{byte & 0x7fu} << shift;
      shift += 7;
      if (byte & 0x80) continue;
      if ((byte & 0x40) && shift < 64) value |= ~uint64_t{0} << shift;
      break;
    }
    return static_cast<int64_t>(value);
  }
  /// A pointer in a DW_EH_PE encoding; only forms that compilers use for code. False: another form.
  bool pointer(uint8_t encoding, uintptr_t& value) {
    const auto here = reinterpret_cast<uintptr_t>(at_);
    switch (encoding & 0xf) {
      case 0x0:
      case 0x4:
      case 0xc: value = get<uint64_t>(); break;
      case 0x3: value = get<uint32_t>(); break;
      case 0xb: value = static_cast<uintptr_t>(intptr_t{get<int32_t>()}); break;
      default: return false;
    }
    if ((encoding & 0x70) == 0x10) value += here;
    return (encoding & 0x60) == 0;
  }

 private:
  uint64_t left() const { return static_cast<uint64_t>(end_ - at_); }
  const uint8_t* at_;
  const uint8_t* end_;
};

/// An entry of .eh_frame without its length.
Bytes entry_at(const uint8_t* at) {
  uint32_t length;
  memcpy(&length, at, sizeof length);
  if (length >= 0xfffffff0) length = 0;
  return {at + sizeof length, at + sizeof length + length};
}

/// The parts of a function's entry besides its instructions.
struct Common {
  uint64_t code_step = 1;
  int64_t data_step = 1;
  uint8_t pointers = 0;  // encoding
  bool augmented = false, signal = false;
  Bytes instructions{nullptr, nullptr};
};

bool read_augmentation(const char* letters, Bytes& bytes, Common& common) {
  for (; *letters; ++letters) {
    uintptr_t ignored;
    switch (*letters) {
      case 'R': common.pointers = bytes.get<uint8_t>(); break;
      case 'L': bytes.get<uint8_t>(); break;
      case 'S': common.signal = true; break;
      case 'P':
        if (!bytes.pointer(bytes.get<uint8_t>() & 0x1f, ignored)) return false;
        break;
      default: return false;
    }
  }
  return true;
}

bool read_common(const uint8_t* at, Common& common) {
  Bytes bytes = entry_at(at);
  if (bytes.get<uint32_t>() != 0) return false;
  const auto version = bytes.get<uint8_t>();
  const auto* letters = reinterpret_cast<const char*>(bytes.at());
  while (bytes.more() && bytes.get<uint8_t>()) {
  }
  common.code_step = bytes.uleb();
  common.data_step = bytes.sleb();
  if ((version == 1 ? bytes.get<uint8_t>() : bytes.uleb()) != kReturnRegister) return false;
  if (*letters == 'z') {
    Bytes augmentation = bytes;
    const uint64_t n = augmentation.uleb();
    bytes = augmentation;
    bytes.skip(n);
    common.augmented = true;
    if (!read_augmentation(letters + 1, augmentation, common)) return false;
  } else if (*letters) {
    return false;
  }
  common.instructions = bytes;
  return true;
}

/// Interprets the instructions, which build the row of an address step by step.
class RowMachine {
 public:
  RowMachine(const Common& common, uintptr_t begin, uintptr_t pc) : common_(common), at_(begin), pc_(pc) {}
  /// False: UnwindRow cannot represent the result.
  bool run(Bytes bytes) {
    while (ok_ && at_ <= pc_ && bytes.more()) step(bytes);
    return ok_;
  }
  void end_of_common() { initial_ = row_; }
  const UnwindRow& row() const { return row_; }

 private:
  using Cfa = UnwindRow::Cfa;
  using Saved = UnwindRow::Saved;

  void advance(uint64_t steps) { at_ += steps * common_.code_step; }
  void set_cfa(uint64_t reg, int64_t offset) {
    row_.kind = reg == kStackRegister ? Cfa::Stack : reg == kFrameRegister ? Cfa::Frame : Cfa::Unknown;
    set_cfa_offset(offset);
  }
  void set_cfa_offset(int64_t offset) {
    row_.cfa = static_cast<int32_t>(offset);
    if (row_.cfa != offset) ok_ = false;
  }
  void save(uint64_t reg, Saved where, int64_t offset) {
    constexpr int64_t kMost = 1 << 23;
    if (reg == kReturnRegister && (where != Saved::AtCfa || offset != -8)) ok_ = false;
    if (reg != kFrameRegister) return;
    row_.frame_pointer = where;
    row_.saved = static_cast<int32_t>(offset);
    if (offset < -kMost || offset >= kMost) ok_ = false;
  }
  void restore(uint64_t reg) {
    if (reg != kFrameRegister) return;
    row_.frame_pointer = initial_.frame_pointer;
    row_.saved = initial_.saved;
  }

  /// An expression of the form "what lies at fp + n" or "fp + n".
  bool frame_expression(Bytes& bytes, int64_t& offset, bool& loads) {
    constexpr uint8_t kFrameBase = 0x76, kLoad = 0x06;
    const uint64_t n = bytes.uleb();
    Bytes inner(bytes.at(), bytes.at() + n);
    bytes.skip(n);
    if (inner.get<uint8_t>() != kFrameBase) return false;
    offset = inner.sleb();
    loads = inner.more() && inner.get<uint8_t>() == kLoad;
    return !inner.more();
  }
  void cfa_expression(Bytes& bytes) {
    int64_t offset = 0;
    bool loads = false;
    row_.kind = frame_expression(bytes, offset, loads) && loads ? Cfa::AtFrame : Cfa::Unknown;
    row_.cfa = static_cast<int32_t>(offset);
  }
  void register_expression(Bytes& bytes) {
    const uint64_t reg = bytes.uleb();
    int64_t offset = 0;
    bool loads = false;
    const bool known = frame_expression(bytes, offset, loads) && !loads;
    if (reg == kFrameRegister && !known) ok_ = false;
    else save(reg, Saved::AtFrame, offset);
  }

  void step(Bytes& bytes) {
    const auto code = bytes.get<uint8_t>();
    const uint8_t low = code & 0x3f;
    switch (code >> 6) {
      case 1: return advance(low);
      case 2: return save(low, Saved::AtCfa, static_cast<int64_t>(bytes.uleb()) * common_.data_step);
      case 3: return restore(low);
      default: return step_by_number(low, bytes);
    }
  }
  void step_by_number(uint8_t code, Bytes& bytes) {
    switch (code) {
      case 0x00: return;
      case 0x01: at_ = 0, ok_ = false; return;
      case 0x02: return advance(bytes.get<uint8_t>());
      case 0x03: return advance(bytes.get<uint16_t>());
      case 0x04: return advance(bytes.get<uint32_t>());
      case 0x05:
      case 0x11: return save_far(code, bytes);
      case 0x06: return restore(bytes.uleb());
      case 0x07: return undefine(bytes.uleb());
      case 0x08: bytes.uleb(); return;
      case 0x09: bytes.uleb(), bytes.uleb(), ok_ = false; return;
      case 0x0a: return remember();
      case 0x0b: return recall();
      case 0x0c: return set_cfa_from(bytes, 1);
      case 0x12: return set_cfa_signed(bytes);
      case 0x0d: return set_cfa(bytes.uleb(), row_.cfa);
      case 0x0e: return set_cfa_offset(static_cast<int64_t>(bytes.uleb()));
      case 0x13: return set_cfa_offset(bytes.sleb() * common_.data_step);
      case 0x0f: return cfa_expression(bytes);
      case 0x10: return register_expression(bytes);
      case 0x2e: bytes.uleb(); return;
      default: ok_ = false;
    }
  }
  void save_far(uint8_t code, Bytes& bytes) {
    const uint64_t reg = bytes.uleb();
    save(reg, Saved::AtCfa, (code == 0x05 ? static_cast<int64_t>(bytes.uleb()) : bytes.sleb()) * common_.data_step);
  }
  void set_cfa_from(Bytes& bytes, int64_t step) {
    const uint64_t reg = bytes.uleb();
    set_cfa(reg, static_cast<int64_t>(bytes.uleb()) * step);
  }
  void set_cfa_signed(Bytes& bytes) {
    const uint64_t reg = bytes.uleb();
    set_cfa(reg, bytes.sleb() * common_.data_step);
  }
  void undefine(uint64_t reg) {
    if (reg == kReturnRegister) row_.is_last = true;
  }
  void remember() {
    if (depth_ == kDeep) ok_ = false;
    else remembered_[depth_++] = row_;
  }
  void recall() {
    if (!depth_) ok_ = false;
    else row_ = remembered_[--depth_];
  }

  static constexpr unsigned kDeep = 8;
  const Common& common_;
  uintptr_t at_, pc_;
  UnwindRow row_, initial_, remembered_[kDeep];
  unsigned depth_ = 0;
  bool ok_ = true;
};

/// The entry of the function that `pc` lies in, by the sorted table of .eh_frame_hdr; null if there is none.
const uint8_t* find_entry(const uint8_t* header, uintptr_t pc) {
  constexpr uint8_t kSorted = 0x3b;  // two 32-bit distances from the header for each function
  struct Pair {
    int32_t code, entry;
  };
  if (header[0] != 1 || header[3] != kSorted) return nullptr;
  Bytes bytes(header + 4, header + 32);
  uintptr_t ignored, nr;
  if (!bytes.pointer(header[1], ignored) || !bytes.pointer(header[2], nr)) return nullptr;
  const auto* pairs = reinterpret_cast<const Pair*>(bytes.at());
  const auto start = [&](uintptr_t i) {
    return reinterpret_cast<uintptr_t>(header) + static_cast<uintptr_t>(intptr_t{pairs[i].code});
  };
  uintptr_t low = 0, high = nr;
  while (low < high) {
    const uintptr_t middle = low + (high - low) / 2;
    if (start(middle) <= pc) low = middle + 1;
    else high = middle;
  }
  return low ? header + pairs[low - 1].entry : nullptr;
}

UnwindRow read_row(uintptr_t pc) {
  dl_find_object found;
  if (_dl_find_object(reinterpret_cast<void*>(pc), &found) || !found.dlfo_eh_frame) return {};
  const uint8_t* entry = find_entry(static_cast<const uint8_t*>(found.dlfo_eh_frame), pc);
  if (!entry) return {};
  Bytes bytes = entry_at(entry);
  const uint8_t* const field = bytes.at();
  const auto back = bytes.get<uint32_t>();
  Common common;
  uintptr_t begin = 0, length = 0;
  if (!back || !read_common(field - back, common) || !bytes.pointer(common.pointers, begin) ||
      !bytes.pointer(common.pointers & 0xf, length) || pc - begin >= length)
    return {};
  if (common.signal) return {.kind = UnwindRow::Cfa::Signal};
  if (common.augmented) bytes.skip(bytes.uleb());
  RowMachine machine(common, begin, pc);
  if (!machine.run(common.instructions)) return {};
  machine.end_of_common();
  return machine.run(bytes) ? machine.row() : UnwindRow{};
}

#else

// The calling convention keeps a chain of frames.
UnwindRow read_row(uintptr_t) { return {}; }

#endif

/// A cached row, by address. The two words are combined so that a torn entry does not give the address.
struct Remembered {
  uint64_t address_and_row = 0, row = 0;
};
constexpr uint32_t kNrRemembered = 2048;
Remembered remembered[kNrRemembered];

/// The position of a walk: in a function that continues at pc.
struct Place {
  uintptr_t pc, sp, fp;
};

/// Steps to the caller by the chain of frame pointers.
bool step_by_frame(StackReader& stack, Place& place) {
  constexpr uintptr_t kMostBytes = 1 << 20;
  uintptr_t words[2];
  if (place.fp < place.sp || place.fp - place.sp > kMostBytes || place.fp % sizeof *words) return false;
  if (stack.read(place.fp, words, sizeof words) != sizeof words) return false;
  place = {words[1], place.fp + sizeof words, words[0]};
  return place.pc >= kmem::kPageSize;
}

#if defined(__x86_64__)

/// Steps to the code that a signal interrupted, whose registers the kernel has saved on the stack.
bool step_over_signal(StackReader& stack, Place& place) {
  const auto register_at = [&](int which, uintptr_t& value) {
    const size_t offset = offsetof(ucontext_t, uc_mcontext.gregs) + static_cast<size_t>(which) * sizeof(greg_t);
    return stack.read(place.sp + offset, &value, sizeof value) == sizeof value;
  };
  Place next{};
  if (!register_at(REG_RIP, next.pc) || !register_at(REG_RSP, next.sp) || !register_at(REG_RBP, next.fp)) return false;
  place = next;
  return true;
}

bool step_by_row(StackReader& stack, const UnwindRow& row, Place& place) {
  using Cfa = UnwindRow::Cfa;
  const auto offset = static_cast<uintptr_t>(intptr_t{row.cfa});
  uintptr_t cfa = (row.kind == Cfa::Stack ? place.sp : place.fp) + offset;
  if (row.kind == Cfa::AtFrame && stack.read(cfa, &cfa, sizeof cfa) != sizeof cfa) return false;
  if (cfa <= place.sp || cfa % sizeof cfa) return false;
  Place next{0, cfa, place.fp};
  if (stack.read(cfa - sizeof cfa, &next.pc, sizeof next.pc) != sizeof next.pc) return false;
  if (row.frame_pointer != UnwindRow::Saved::Same) {
    const uintptr_t from = row.frame_pointer == UnwindRow::Saved::AtCfa ? cfa : place.fp;
    if (stack.read(from + static_cast<uintptr_t>(intptr_t{row.saved}), &next.fp, sizeof next.fp) != sizeof next.fp)
      return false;
  }
  place = next;
  return place.pc >= kmem::kPageSize;
}

/// `returns`: pc is behind a call, which may be the last instruction of a function.
bool step(StackReader& stack, Place& place, bool& returns) {
  const UnwindRow row = unwind_row(place.pc - returns);
  returns = row.kind != UnwindRow::Cfa::Signal;
  if (row.is_last) return false;
  if (!returns) return step_over_signal(stack, place);
  return row.kind == UnwindRow::Cfa::Unknown ? step_by_frame(stack, place) : step_by_row(stack, row, place);
}

#else

bool step(StackReader& stack, Place& place, bool&) { return step_by_frame(stack, place); }

#endif

}  // namespace

UnwindRow unwind_row(uintptr_t pc) {
  Remembered& mine = remembered[(pc ^ pc >> 11) % kNrRemembered];
  const uint64_t row = __atomic_load_n(&mine.row, __ATOMIC_RELAXED);
  if ((__atomic_load_n(&mine.address_and_row, __ATOMIC_RELAXED) ^ row) == pc) return UnwindRow::unpacked(row);
  const UnwindRow read = read_row(pc);
  const uint64_t word = read.packed();
  __atomic_store_n(&mine.row, word, __ATOMIC_RELAXED);
  __atomic_store_n(&mine.address_and_row, word ^ pc, __ATOMIC_RELAXED);
  return read;
}

// Begins in this function, whose code keeps frame pointers.
__attribute__((noinline, no_sanitize("address", "thread"))) unsigned unwind_stack(void** frames, unsigned max) {
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  StackReader stack;
  Place place{0, here, here};
  if (!step_by_frame(stack, place)) return 0;
  unsigned n = 0;
  bool returns = true;
  do {
    if (n < max) frames[n] = reinterpret_cast<void*>(place.pc);
    ++n;
  } while (n < max && step(stack, place, returns));
  return n < max ? n : max;
}

}  // namespace linux_port
