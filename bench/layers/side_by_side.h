#pragma once
// Times two threads that really run at the same time, on a machine that is busy with other things.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace kmem::bench {

/// Lets two threads begin at the same moment, both on a CPU: they have just answered each other ten times, faster than
/// any scheduler switches.
class Meeting {
 public:
  using Clock = std::chrono::steady_clock;

  /// Called by thread 0 and thread 1.  False in both, then and from then on, where that cannot be had.
  bool meet(unsigned who) { return who ? follow() : lead(); }

 private:
  enum Ball : uint32_t { Mine, Yours, Go, GiveUp };
  static constexpr auto kBothRun = std::chrono::microseconds(20);
  static constexpr auto kPatience = std::chrono::seconds(2);

  bool lead() {
    while (ball_.load() != Mine) __builtin_ia32_pause();
    for (;;) {
      const auto begun = Clock::now();
      for (int i = 0; i < 10; ++i) {
        ball_.store(Yours);
        while (ball_.load() != Mine) __builtin_ia32_pause();
      }
      const auto now = Clock::now();
      const bool gave_up = now - first_ > kPatience;
      if (!gave_up && now - begun > kBothRun) continue;
      ball_.store(gave_up ? GiveUp : Go);
      return !gave_up;
    }
  }

  bool follow() {
    for (;;) {
      uint32_t ball;
      while ((ball = ball_.load()) == Mine) __builtin_ia32_pause();
      ball_.store(Mine);
      if (ball != Yours) return ball == Go;
    }
  }

  std::atomic<uint32_t> ball_{Mine};
  const Clock::time_point first_ = Clock::now();
};

/// Seconds that work(thread) takes in the slower of two threads: the median of so many rounds, or of as many as there
/// were before patience ran out; 0 where the two never ran at once.
template <typename Work>
double side_by_side(unsigned rounds, Work work) {
  Meeting meeting;
  std::vector<double> taken[2];
  auto run = [&](unsigned who) {
    taken[who].reserve(rounds);
    while (taken[who].size() < rounds && meeting.meet(who)) {
      const auto begun = Meeting::Clock::now();
      work(who);
      taken[who].push_back(std::chrono::duration<double>(Meeting::Clock::now() - begun).count());
    }
  };
  std::thread other(run, 1);
  run(0);
  other.join();
  if (taken[0].empty()) return 0;
  std::transform(taken[0].begin(), taken[0].end(), taken[1].begin(), taken[0].begin(),
                 [](double a, double b) { return std::max(a, b); });
  const auto middle = taken[0].begin() + static_cast<ptrdiff_t>(taken[0].size() / 2);
  std::nth_element(taken[0].begin(), middle, taken[0].end());
  return *middle;
}

}  // namespace kmem::bench
