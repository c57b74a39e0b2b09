// Devices that make random numbers: who is read from, and what ends with a device.

#include "helpers.h"

#include <fcntl.h>

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hw_random.h>

namespace {

/// Gives bytes of one letter, as many as it has.
struct Source {
  hwrng rng = {};
  char letter;
  std::atomic<int> stock{1 << 20}, inits{0}, cleanups{0};
  int init_says = 0;

  explicit Source(const char* name, char gives = 'a', unsigned short quality = 0) : letter(gives) {
    rng.name = name;
    rng.quality = quality;
    rng.priv = reinterpret_cast<unsigned long>(this);
    rng.init = [](hwrng* r) { return ++of(r)->inits, of(r)->init_says; };
    rng.cleanup = [](hwrng* r) { ++of(r)->cleanups; };
    rng.read = [](hwrng* r, void* data, size_t max, bool) {
      const int n = std::min(static_cast<int>(max), of(r)->stock.load());
      memset(data, of(r)->letter, static_cast<size_t>(n));
      of(r)->stock -= n;
      return n;
    };
  }
  static Source* of(hwrng* r) { return reinterpret_cast<Source*>(r->priv); }
};

constexpr const char *kCurrent = "/sys/class/misc/hwrng/rng_current", *kSelected = "/sys/class/misc/hwrng/rng_selected";

/// What a program reads, of `n` bytes; or the error.
std::string bytes(size_t n, int flags = 0) {
  const int fd = kmem_driver_open("/dev/hwrng", O_RDONLY | flags);
  if (fd < 0) return std::to_string(fd);
  std::string text(n, '.');
  const ssize_t done = kmem_driver_read(fd, text.data(), n);
  kmem_driver_close(fd);
  return done < 0 ? std::to_string(done) : text.substr(0, static_cast<size_t>(done));
}

/// The bytes of a former device that nobody has read yet come first.
void drain() {
  while (bytes(1, O_NONBLOCK).size() == 1) continue;
}

TEST(Hwrng, a_program_reads_what_the_device_gives) {
  Source source("one");
  ASSERT_EQ(hwrng_register(&source.rng), 0);
  EXPECT_EQ(bytes(5), "aaaaa");
  EXPECT_EQ(bytes(1000), std::string(1000, 'a')) << "in several pieces";
  EXPECT_EQ(kmem_driver_open("/dev/hwrng", O_RDWR), -EINVAL);
  source.stock = 3;
  drain();
  EXPECT_EQ(bytes(5, O_NONBLOCK), std::to_string(-EAGAIN));
  source.stock = 2;
  EXPECT_EQ(bytes(5, O_NONBLOCK), "aa") << "a part is no error";
  hwrng_unregister(&source.rng);
  EXPECT_EQ(source.inits, 1);
  EXPECT_EQ(source.cleanups, 1);
  EXPECT_EQ(bytes(5), std::to_string(-ENODEV));
}

TEST(Hwrng, a_device_of_old_gives_four_bytes_at_a_time) {
  hwrng old = {};
  old.name = "old";
  static int asked;
  old.data_present = [](hwrng*, int wait) { return static_cast<int>(++asked % 2 == 0 || wait); };
  old.data_read = [](hwrng*, u32* data) { return *data = 0x64646464, 4; };
  ASSERT_EQ(hwrng_register(&old), 0);
  EXPECT_EQ(bytes(3, O_NONBLOCK), std::to_string(-EAGAIN));
  EXPECT_EQ(bytes(4, O_NONBLOCK), "dddd");
  EXPECT_EQ(bytes(8), "dddddddd");
  hwrng_unregister(&old);
}

TEST(Hwrng, the_best_is_taken_until_the_user_says_which) {
  Source poor("poor", 'p', 10), good("good", 'g', 500), best("best", 'b', 900);
  ASSERT_EQ(hwrng_register(&good.rng), 0);
  ASSERT_EQ(hwrng_register(&poor.rng), 0);
  EXPECT_EQ(test::read_file(kCurrent), "good\n");
  EXPECT_EQ(poor.inits, 0) << "it is not used";
  EXPECT_EQ(test::read_file("/sys/class/misc/hwrng/rng_available"), "good poor \n");
  EXPECT_EQ(test::write_file(kCurrent, "poor\n"), 5);
  EXPECT_EQ(good.cleanups, 1);
  EXPECT_EQ(bytes(3), "ppp");
  EXPECT_EQ(test::read_file(kSelected), "1\n");
  ASSERT_EQ(hwrng_register(&best.rng), 0);
  EXPECT_EQ(test::read_file(kCurrent), "poor\n");
  EXPECT_EQ(test::write_file(kCurrent, "nobody\n"), -EINVAL);
  EXPECT_EQ(test::write_file(kCurrent, "\n"), 1);
  EXPECT_EQ(test::read_file(kCurrent), "best\n");
  EXPECT_EQ(test::read_file(kSelected), "0\n");
  hwrng_unregister(&best.rng);
  EXPECT_EQ(test::read_file(kCurrent), "good\n") << "the next best takes its place";
  hwrng_unregister(&good.rng);
  hwrng_unregister(&poor.rng);
  EXPECT_EQ(test::read_file(kCurrent), "none\n");
  EXPECT_EQ(good.inits, good.cleanups);
  EXPECT_EQ(poor.inits, poor.cleanups);
}

TEST(Hwrng, what_cannot_be_is_refused) {
  Source one("one"), twin("one"), nameless(nullptr), mute("mute"), broken("broken");
  EXPECT_EQ(hwrng_register(&nameless.rng), -EINVAL);
  mute.rng.read = nullptr;
  EXPECT_EQ(hwrng_register(&mute.rng), -EINVAL);
  broken.init_says = -EIO;
  EXPECT_EQ(hwrng_register(&broken.rng), -EIO);
  ASSERT_EQ(hwrng_register(&one.rng), 0);
  EXPECT_EQ(hwrng_register(&twin.rng), -EEXIST);
  EXPECT_EQ(test::read_file("/sys/class/misc/hwrng/rng_available"), "one \n");
  hwrng_unregister(&one.rng);
}

TEST(Hwrng, a_driver_that_claims_more_than_was_asked_for_is_reported) {
  Source source("boaster");
  source.rng.read = [](hwrng*, void*, size_t max, bool) { return 2 * static_cast<int>(max); };
  ASSERT_EQ(hwrng_register(&source.rng), 0);
  drain();
  std::string got;
  EXPECT_TRUE(test::has(test::said_by([&] { got = bytes(100); }), "hwrng boaster: read() says that it has written"));
  EXPECT_EQ(got, std::to_string(-EIO));
  hwrng_unregister(&source.rng);
}

TEST(Hwrng, a_device_that_goes_waits_for_its_reader_and_wakes_it) {
  Source source("slow");
  static std::atomic<bool> sleeps;
  static std::atomic<long> slept;
  sleeps = false;
  source.stock = 0;
  ASSERT_EQ(hwrng_register(&source.rng), 0);
  drain();
  source.rng.read = [](hwrng* r, void*, size_t, bool) {
    sleeps = true;
    slept = hwrng_msleep(r, 1000000);
    return -EIO;
  };
  std::string got;
  test::Thread reader([&] { got = bytes(4); });
  test::until([] { return sleeps.load(); });
  EXPECT_EQ(source.cleanups, 0);
  hwrng_unregister(&source.rng);
  EXPECT_EQ(source.cleanups, 1);
  reader.join();
  EXPECT_GT(slept, 0) << "it did not sleep to the end";
  EXPECT_EQ(got, std::to_string(-EIO));
}

TEST(Hwrng, one_that_is_noted_with_a_device_goes_with_it) {
  device dev = {};
  Source source("noted");
  ASSERT_EQ(devm_hwrng_register(&dev, &source.rng), 0);
  devm_hwrng_unregister(&dev, &source.rng);
  EXPECT_EQ(source.cleanups, 1);
  ASSERT_EQ(devm_hwrng_register(&dev, &source.rng), 0);
  EXPECT_EQ(devres_release_all(&dev), 1);
  EXPECT_EQ(source.cleanups, 2);
}

}  // namespace
