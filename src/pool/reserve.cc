#include "pool/reserve.h"

#include "base/check.h"

namespace kmem {

Reserve::Place& Reserve::place(uint32_t index) const {
  KMEM_ASSERT(index, <, room());
  if (index < first_chunk_) return chunks_[0].peek()[index];
  const unsigned chunk = highest_bit(index / first_chunk_) + 1;
  return chunks_[chunk].peek()[index - places_in_chunks(chunk)];
}

bool Reserve::put_between(uint32_t from, uint32_t to, void* element, uint32_t& at) {
  for (at = from; at < to; ++at) {
    void* nothing = nullptr;
    if (!place(at).peek() && place(at).compare_exchange(nothing, element)) return true;
  }
  return false;
}

bool Reserve::put(void* element) {
  KMEM_ASSERT(element, !=, nullptr);
  const int32_t want = wanted_.load(), seen = nr_.load();
  if (seen >= want) return false;
  const auto end = static_cast<uint32_t>(want), start = seen > 0 ? static_cast<uint32_t>(seen) : 0;
  uint32_t at;
  if (!put_between(start, end, element, at) && !put_between(0, start, element, at)) return false;
  KMEM_ASSERT(nr_.load(), <, static_cast<int32_t>(room()));  // this element is not counted yet
  nr_.fetch_add(1);
  if (at < static_cast<uint32_t>(wanted_.load())) return true;
  // The reserve has shrunk meanwhile, and this place may not be searched again.
  void* mine = element;
  nr_.fetch_sub(1);
  if (place(at).compare_exchange(mine, nullptr)) return false;
  nr_.fetch_add(1);  // another thread has taken it, and decremented the count
  return true;
}

void* Reserve::take_between(uint32_t from, uint32_t to) {
  for (uint32_t i = to; i-- > from;)
    if (place(i).peek())
      if (void* element = place(i).exchange(nullptr)) return element;
  return nullptr;
}

// An element is in its place before it is counted, so while the count is positive there are elements. The loop continues only
// while other threads take them.
void* Reserve::take() {
  constexpr uint32_t kNobodyIsThatFast = 1 << 20;
  uint32_t rounds = 0;
  do {
    KMEM_ASSERT(++rounds, <, kNobodyIsThatFast);
    const int32_t seen = nr_.fetch_sub(1);
    const uint32_t end = room(), top = seen < 0 ? 0 : static_cast<uint32_t>(seen) < end ? static_cast<uint32_t>(seen) : end;
    if (void* element = take_between(0, top)) return element;
    if (void* element = take_between(top, end)) return element;
    nr_.fetch_add(1);
  } while (nr_.load() > 0);  // then one was put into a place that was searched already
  return nullptr;
}

void* Reserve::take_surplus() {
  const uint32_t from = static_cast<uint32_t>(wanted_.load());
  nr_.fetch_sub(1);
  if (void* element = take_between(from, room())) return element;
  nr_.fetch_add(1);
  return nullptr;
}

bool Reserve::holds(const void* element, uint32_t most) const {
  const uint32_t end = room();
  uint32_t top = nr() > 0 ? static_cast<uint32_t>(nr()) : 0;
  if (top < end) ++top;  // one may lie just above the count
  for (uint32_t i = top < end ? top : end; i-- > 0 && most--;)
    if (place(i).peek() == element) return true;
  return false;
}

Fault Reserve::check() const {
  int32_t held = 0;
  for (uint32_t i = 0; i < room(); ++i) {
    void* const element = place(i).peek();
    if (!element) continue;
    ++held;
    if (i >= static_cast<uint32_t>(wanted())) return {"M3 no place beyond wanted() holds an element", i};
    for (uint32_t j = i + 1; j < room(); ++j)
      if (place(j).peek() == element) return {"M2 no element is in two places", reinterpret_cast<uint64_t>(element), i, j};
  }
  if (held != nr())
    return {"M1 nr() is the number of places that hold an element", 0, static_cast<uint64_t>(held),
            static_cast<uint64_t>(nr())};
  return {};
}

}  // namespace kmem
