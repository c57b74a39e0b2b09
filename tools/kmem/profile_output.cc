#include "profile_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include "failure.h"

#ifdef KMEM_HAS_ZLIB
#include <zlib.h>
#endif

namespace kmem::tool {
namespace {

using nlohmann::json;

std::string size_of(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  unsigned unit = 0;
  while (std::abs(bytes) >= 1024 && unit < 4) bytes /= 1024, ++unit;
  return fmt::format("{:.{}f} {}", bytes, unit ? 1 : 0, kUnits[unit]);
}

std::string with_error(const Estimate& e) { return fmt::format("{} ± {}", size_of(e.bytes), size_of(e.error())); }

std::string place_of(const Symbols::Frame& frame) {
  const size_t slash = frame.file.rfind('/');
  const std::string file = slash == std::string::npos ? frame.file : frame.file.substr(slash + 1);
  return file.empty() ? frame.function : fmt::format("{}  {}:{}", frame.function, file, frame.line);
}

/// Callers as a table shows them, and what they have together: calls from two places of a function without lines look the same.
struct Row {
  std::vector<std::string> places;
  Estimate allocated, live;
  double oldest = 0;
};

std::vector<Row> rows_of(const Profile& profile, Estimate ProfileStack::*which) {
  std::map<std::vector<std::string>, Row> rows;
  for (const ProfileStack& stack : profile.stacks) {
    if (!(stack.*which).samples) continue;
    std::vector<std::string> places;
    for (const Symbols::Frame& frame : stack.frames) places.push_back(place_of(frame));
    Row& row = rows[places];
    row.places = places;
    row.allocated.add(stack.allocated);
    row.live.add(stack.live);
    row.oldest = std::max(row.oldest, stack.oldest);
  }
  std::vector<Row> sorted;
  for (auto& [places, row] : rows) sorted.push_back(std::move(row));
  const auto bytes = [&](const Row& row) {
    return std::abs(which == &ProfileStack::live ? row.live.bytes : row.allocated.bytes);
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Row& a, const Row& b) { return bytes(a) > bytes(b); });
  return sorted;
}

}  // namespace

std::string as_folded(const Profile& profile, Estimate ProfileStack::*which) {
  std::map<std::string, double> lines;
  for (const ProfileStack& stack : profile.stacks) {
    if (!(stack.*which).samples) continue;
    std::string line;
    for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame) {
      std::string name = frame->function;
      std::replace(name.begin(), name.end(), ';', ':');
      line += (line.empty() ? "" : ";") + name;
    }
    lines[line] += (stack.*which).bytes;
  }
  std::string text;
  for (const auto& [line, bytes] : lines) text += fmt::format("{} {:.0f}\n", line, bytes);
  return text;
}

std::string as_text(const Profile& profile, Estimate ProfileStack::*which, size_t most) {
  const Estimate live = profile.sum(&ProfileStack::live), allocated = profile.sum(&ProfileStack::allocated);
  std::string text = profile.name;
  if (profile.pid) text += fmt::format(" (process {})", profile.pid);
  if (profile.seconds > 0) text += fmt::format(", {:.1f} s", profile.seconds);
  text += fmt::format(", a sample in {}\n", size_of(static_cast<double>(profile.period)));
  text += fmt::format("  live       {}, {:.0f} blocks, {} samples\n", with_error(live), live.objects, live.samples);
  text +=
      fmt::format("  allocated  {}, {:.0f} blocks, {} samples\n", with_error(allocated), allocated.objects, allocated.samples);
  if (profile.lost) text += fmt::format("  {} samples found no room and are missing\n", profile.lost);
  text += "  ± is one standard deviation of the estimate\n";
  const std::vector<Row> sorted = rows_of(profile, which);
  if (sorted.empty() && allocated.samples) text += "\nNothing of it is alive; --allocated shows the code that allocated it.\n";
  for (size_t i = 0; i < sorted.size() && i < most; ++i) {
    const Row& row = sorted[i];
    text += fmt::format("\n{:>22} live{}   {:>22} allocated\n", with_error(row.live),
                        row.live.samples && row.oldest > 0 ? fmt::format(", oldest {:.1f} s", row.oldest) : "",
                        with_error(row.allocated));
    for (const std::string& place : row.places) text += fmt::format("    {}\n", place);
  }
  if (sorted.size() > most) text += fmt::format("\n  and {} more; --limit 0 shows all\n", sorted.size() - most);
  return text;
}

// profile.proto ---------------------------------------------------------------------------------------------------------------

namespace {

/// A message of protocol buffers: the three forms that profile.proto uses (docs/decisions/pprof-encoder.md).
class Message {
 public:
  void number(unsigned field, uint64_t value) {
    varint(field << 3);
    varint(value);
  }
  void bytes(unsigned field, std::string_view value) {
    varint(field << 3 | 2);
    varint(value.size());
    text_ += value;
  }
  void numbers(unsigned field, const std::vector<uint64_t>& values) {
    Message packed;
    for (const uint64_t value : values) packed.varint(value);
    bytes(field, packed.text_);
  }
  void message(unsigned field, const Message& value) { bytes(field, value.text_); }
  const std::string& text() const { return text_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
  }
  std::string text_;
};

uint64_t rounded(double value) { return static_cast<uint64_t>(static_cast<int64_t>(std::llround(value))); }

/// What one profile.proto is made of; each thing has a number, from 1 on.
class Pprof {
 public:
  Pprof() { string(""); }

  std::string encode(const Profile& profile) {
    for (const auto& [type, unit] :
         {std::pair{"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}})
      out_.message(1, value_type(type, unit));
    for (const Profile::Module& module : profile.modules) add_module(module);
    for (const ProfileStack& stack : profile.stacks) add_sample(profile, stack);
    out_.number(10, rounded(profile.seconds * 1e9));
    out_.message(11, value_type("space", "bytes"));
    out_.number(12, profile.period);
    out_.number(14, string("inuse_space"));
    for (const std::string& one : in_order_) out_.bytes(6, one);
    return out_.text();
  }

 private:
  uint64_t string(const std::string& text) {
    const auto [it, is_new] = strings_.emplace(text, strings_.size());
    if (is_new) in_order_.push_back(text);
    return it->second;
  }
  Message value_type(const char* type, const char* unit) {
    Message m;
    m.number(1, string(type));
    m.number(2, string(unit));
    return m;
  }
  void add_module(const Profile::Module& module) {
    Message m;
    m.number(1, ++nr_modules_);
    m.number(2, module.from);
    m.number(3, module.to);
    m.number(4, module.offset);
    m.number(5, string(module.path));
    m.number(7, 1);
    out_.message(3, m);
  }
  uint64_t function(const Symbols::Frame& frame) {
    const auto [it, is_new] = functions_.emplace(std::pair{frame.function, frame.file}, functions_.size() + 1);
    if (!is_new) return it->second;
    Message m;
    m.number(1, it->second);
    m.number(2, string(frame.function));
    m.number(3, string(frame.function));
    m.number(4, string(frame.file));
    out_.message(5, m);
    return it->second;
  }
  /// A location for each function: inlined ones have no addresses of their own.
  uint64_t location(const Symbols::Frame& frame) {
    const uint64_t id = function(frame);
    const auto [it, is_new] = locations_.emplace(std::pair{id, frame.line}, locations_.size() + 1);
    if (!is_new) return it->second;
    Message line, m;
    line.number(1, id);
    line.number(2, static_cast<uint64_t>(frame.line));
    m.number(1, it->second);
    m.message(4, line);
    out_.message(4, m);
    return it->second;
  }
  void add_sample(const Profile&, const ProfileStack& stack) {
    std::vector<uint64_t> locations;
    for (const Symbols::Frame& frame : stack.frames) locations.push_back(location(frame));
    Message m;
    m.numbers(1, locations);
    m.numbers(2, {rounded(stack.allocated.objects), rounded(stack.allocated.bytes), rounded(stack.live.objects),
                  rounded(stack.live.bytes)});
    out_.message(2, m);
  }

  Message out_;
  std::map<std::string, uint64_t> strings_;
  std::vector<std::string> in_order_;
  std::map<std::pair<std::string, std::string>, uint64_t> functions_;
  std::map<std::pair<uint64_t, int>, uint64_t> locations_;
  uint64_t nr_modules_ = 0;
};

#ifdef KMEM_HAS_ZLIB
std::string compressed(std::string text) {
  constexpr int kGzip = 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw Failure("zlib has no memory");
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
#else
// pprof reads it as it is, too.
std::string compressed(std::string text) { return text; }
#endif

/// profile_page.html.
constexpr std::string_view kPage =
#include "kmem_tool/profile_page.inc"
    ;
constexpr std::string_view kPlace = "/*PROFILE*/null";

}  // namespace

std::string as_pprof(const Profile& profile) { return compressed(Pprof().encode(profile)); }

std::string as_page(const Profile& profile) {
  json stacks = json::array();
  for (const ProfileStack& stack : profile.stacks) {
    json frames = json::array();
    for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame)
      frames.push_back(frame->file.empty() ? json::array({frame->function})
                                           : json::array({frame->function, fmt::format("{}:{}", frame->file, frame->line)}));
    stacks.push_back({frames, stack.live.bytes, stack.live.variance, stack.allocated.bytes, stack.allocated.variance});
  }
  const std::string data =
      json{{"name", profile.name}, {"pid", profile.pid}, {"seconds", profile.seconds}, {"stacks", stacks}}.dump(
          -1, ' ', false, json::error_handler_t::replace);
  const size_t at = kPage.find(kPlace);
  std::string page(kPage.substr(0, at));
  for (const char c : data)
    if (c == '<') page += "\\u003c";
    else page += c;
  return page.append(kPage.substr(at + kPlace.size()));
}

}  // namespace kmem::tool
