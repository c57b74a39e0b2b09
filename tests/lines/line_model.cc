#include "line_model.h"

#include <algorithm>

namespace lines {

bool LineModel::moves(Line& line, uint32_t cpu, Access access) {
  const uint64_t mine = uint64_t{1} << cpu;
  const uint64_t others = line.sharers & ~mine;
  if (access == Access::Write) {
    line = {mine, cpu};
    return others != 0;
  }
  const bool newer_elsewhere = line.writer != kNobody && line.writer != cpu;
  if (newer_elsewhere) line.writer = kNobody;  // written back: from now on all copies are the same
  line.sharers |= mine;
  return newer_elsewhere;
}

void LineModel::touch(uint32_t cpu, uintptr_t address, unsigned bytes, Access access, uintptr_t code) {
  for (uintptr_t line = address >> kLineShift; line <= (address + bytes - 1) >> kLineShift; ++line) {
    if (!moves(lines_[line], cpu, access)) continue;
    ++transfers_;
    ++by_place_[code];
  }
}

void LineModel::count_from_here() {
  transfers_ = 0;
  by_place_.clear();
}

void LineModel::clear() {
  count_from_here();
  lines_.clear();
}

std::vector<Place> LineModel::busiest(size_t n) const {
  std::vector<Place> places;
  for (const auto& [code, transfers] : by_place_) places.push_back({code, transfers});
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.transfers != b.transfers ? a.transfers > b.transfers : a.code < b.code;
  });
  if (places.size() > n) places.resize(n);
  return places;
}

}  // namespace lines
