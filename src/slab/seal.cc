#include "slab/seal.h"

#include "watch/report.h"

uint64_t kmem_seal_key = 0;

namespace kmem {

void Seal::init(const Setup& setup) {
  states_ = setup.states;
  room_ = setup.room;
  shift_ = shift_for(setup.room);
  filling_ = !setup.fills ? Filling::Anything : setup.zeroes ? Filling::Zeroes : Filling::Marks;
  nr_slacks_ = filling_ == Filling::Marks ? kTwo + 1 : 0;
  words_ = both(mixed(kmem_seal_key, setup.number));
  cache_ = setup.cache;
}

Seal Seal::none() {
  static uint8_t untouched = kUntouched;
  Seal seal;
  seal.states_ = &untouched;
  seal.shift_ = 63;  // addresses are below 2^63
  return seal;
}

void Seal::open(char* object, size_t asked) const {
  const uint8_t state = state_of(object);
  if (KMEM_UNLIKELY(!is_free_and_whole(object, state))) report_open(object, state);
  set(object, asked);
}

Seal::Finding Seal::close(char* object) const {
  const uint8_t state = state_of(object);
  if (KMEM_UNLIKELY(!is_out(state))) return Finding::NotOut;
  const bool whole = is_whole(object, state);
  if (KMEM_UNLIKELY(!whole)) report_canary(object, state, "when it was freed");
  fill(object);
  store_state(state_at(object), kFree);
  return whole ? Finding::Whole : Finding::Damaged;
}

bool Seal::is_whole(const char* object, uint8_t state) const {
  const size_t asked = asked_of(object, state), slack = room_ - asked;
  const uint64_t word = canary(object);
  if (!asked || !ends_whole(object + room_, slack < nr_last() ? slack : nr_last(), both(word))) return false;
  return slack < kWord || load(object + asked) == turned(word, asked);
}

bool Seal::is_free_and_whole(const char* object, uint8_t state) const {
  if (is_out(state)) return false;
  if (filling_ == Filling::Anything) return true;
  if (filling_ == Filling::Zeroes) return reads_as_zero(object, room_);
  const uint64_t word = state == kUntouched ? 0 : words_[0];
  return is_marked(object, word) && is_marked(object + room_ - kTwo, word);
}

void Seal::fill(char* object) const {
  if (filling_ == Filling::Anything) return;
  if (filling_ == Filling::Marks) {
    store_two(object, words_);
    store_two(object + room_ - kTwo, words_);
  } else if (room_ <= kPageSize) {
    memset(object, 0, room_);
  } else {
    clear_sparsely(object, room_);
  }
}

void Seal::set(char* object, size_t asked) const {
  const size_t slack = room_ - asked;
  const uint64_t word = canary(object);
  char* const last = object + room_ - kWord;
  if (slack >= kWord) {
    store(object + asked, turned(word, asked));
    if (slack > nr_last()) store(object + room_ - nr_last(), word);
    store(last, word);
    if (KMEM_UNLIKELY(slack > kMostNear)) store(far_size(object), word ^ asked);
  } else if (slack) {
    const uint64_t users = ~uint64_t{0} >> 8 * slack;
    store(last, (load(last) & users) | (word & ~users));
  }
  store_state(state_at(object), slack > kMostNear ? kFar : static_cast<uint8_t>(slack + 1));
}

void Seal::resize(char* object, size_t asked) const {
  const uint8_t state = state_of(object);
  if (!is_whole(object, state)) report_canary(object, state, "when it was resized");
  set(object, asked);
}

bool Seal::look(char* object) const {
  const uint8_t state = state_of(object);
  const bool out = is_out(state);
  if (out ? is_whole(object, state) : is_free_and_whole(object, state)) return true;
  if (out) {
    report_canary(object, state, "when it was looked at");
    set(object, asked_of(object, state));
  } else {
    report_free(object, "when it was looked at");
    fill(object);
    store_state(state_at(object), kFree);
  }
  return false;
}

// Which neighbour wrote it is unknown, because the canary lies between the two.
void Seal::report_canary(const char* object, uint8_t state, const char* when) const {
  static RateLimit limit;
  const size_t asked = asked_of(object, state);
  bug_report_limited(limit, Trouble::Bug,
                     "write past the end of %p, an object of cache %s (%zu bytes asked for), or in front of what follows it: "
                     "found %s",
                     static_cast<const void*>(object), cache_, asked, when);
}

void Seal::report_free(const char* object, const char* when) const {
  static RateLimit limit;
  bug_report_limited(limit, Trouble::Bug, "write to %p, a free object of cache %s (%u bytes), or beside it: found %s",
                     static_cast<const void*>(object), cache_, room_, when);
}

// An object that is popped though it is out was freed twice, and no check has noticed it.
void Seal::report_open(char* object, uint8_t state) const {
  if (!is_out(state)) return report_free(object, "when it was allocated");
  static RateLimit limit;
  bug_report_limited(limit, Trouble::Bug, "object %p of cache %s (%u bytes) was to be given while it is out: a double free",
                     static_cast<const void*>(object), cache_, room_);
}

}  // namespace kmem
