#include "pool/out_count.h"

namespace kmem {

OutCount::Share* OutCount::fold() {
  if (first_ == &own_) return nullptr;
  auto* const shares = reinterpret_cast<Share*>(first_);
  const uint32_t nr = mask_ + 1;
  init(nullptr, 0);
  for (uint32_t i = 0; i < nr; ++i)
    if (const uint32_t some = nr_in(shares[i].word.exchange(0))) own_.fetch_add(kAddition + some);
  return shares;
}

int64_t OutCount::sum() const {
  int64_t sum = 0;
  each([&](const Word& word) { sum += static_cast<int32_t>(nr_in(word.peek())); });
  return sum;
}

bool OutCount::any_negative() const {
  bool any = false;
  each([&](const Word& word) { any |= static_cast<int32_t>(nr_in(word.peek())) < 0; });
  return any;
}

OutCount::Fullest OutCount::find_fullest() const {
  Fullest found;
  each([&](Word& word) {
    const uint64_t seen = word.load();
    found.additions += seen / kAddition;
    if (nr_in(seen) <= nr_in(found.seen)) return;
    found.word = &word;
    found.seen = seen;
  });
  return found;
}

bool OutCount::sub_elsewhere() {
  for (Fullest last;;) {
    Fullest now = find_fullest();
    if (!now.word) {
      if (!last.word && last.additions == now.additions) return false;
    } else if (now.word->compare_exchange(now.seen, now.seen - 1)) {
      if (const uint32_t half = (nr_in(now.seen) - 1) / 2) move_here(*now.word, half);
      return true;
    }
    last = now;
  }
}

// What was added here and can no longer be taken there is taken from wherever it is: others may have used it meanwhile.
void OutCount::move_here(Word& from, uint32_t nr) {
  Word& here = mine();
  if (&from == &here) return;
  here.fetch_add(kAddition + nr);
  for (Fullest full{&from, from.load(), 0}; nr && full.word;) {
    const uint32_t some = nr_in(full.seen) < nr ? nr_in(full.seen) : nr;
    if (some && full.word->compare_exchange(full.seen, full.seen - some)) nr -= some;
    if (!nr_in(full.seen)) full = find_fullest();
  }
}

}  // namespace kmem
