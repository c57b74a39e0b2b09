// Char devices from both sides: a driver in C, and the calls of a program.

#include "helpers.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <csignal>

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/tty.h>
#include <linux/uaccess.h>

extern "C" {
extern int releases, leave_locked;
int box_major(void);
}

namespace {

using test::Thread;
using test::until;

constexpr unsigned kReset = _IO('b', 1), kGet = _IOR('b', 2, int), kSet = _IOW('b', 3, int);

struct Chardev : testing::Test {
  Chardev() {
    releases = leave_locked = 0;
    kmem_driver_log_clear();
    EXPECT_EQ(kmem_driver_insmod(""), 0);
    for (unsigned i = 0; i < 3; ++i)
      EXPECT_EQ(kmem_driver_mknod(path(i).c_str(), S_IFCHR | 0666, static_cast<unsigned>(box_major()), i), 0);
  }
  ~Chardev() override {
    for (unsigned i = 0; i < 3; ++i) kmem_driver_unlink(path(i).c_str());
    EXPECT_EQ(kmem_driver_rmmod(), 0);
  }
  static std::string path(unsigned i) { return "/dev/box" + std::to_string(i); }
  char buffer[128] = {};
};

TEST_F(Chardev, what_is_written_is_read_from_the_place_that_was_sought) {
  const int fd = kmem_driver_open("/dev/box0", O_RDWR);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(kmem_driver_write(fd, "hello world", 11), 11);
  EXPECT_EQ(kmem_driver_lseek(fd, 6, SEEK_SET), 6);
  EXPECT_EQ(kmem_driver_read(fd, buffer, sizeof(buffer)), 5);
  EXPECT_STREQ(buffer, "world");
  EXPECT_EQ(kmem_driver_pread(fd, buffer, 5, 0), 5);
  EXPECT_EQ(memcmp(buffer, "hello", 5), 0);
  EXPECT_EQ(kmem_driver_lseek(fd, -1, SEEK_SET), -EINVAL);
  EXPECT_EQ(kmem_driver_lseek(fd, 0, SEEK_CUR), 11);
  EXPECT_EQ(kmem_driver_close(fd), 0);
  EXPECT_EQ(releases, 1);
  EXPECT_EQ(kmem_driver_read(fd, buffer, 1), -EBADF);
}

TEST_F(Chardev, pieces_are_gathered_and_scattered) {
  const int fd = kmem_driver_open("/dev/box0", O_RDWR);
  char a[3], b[8];
  const iovec out[] = {{const_cast<char*>("abc"), 3}, {const_cast<char*>("defgh"), 5}}, in[] = {{a, 3}, {b, 8}};
  EXPECT_EQ(kmem_driver_writev(fd, out, 2), 8);
  kmem_driver_lseek(fd, 0, SEEK_SET);
  EXPECT_EQ(kmem_driver_readv(fd, in, 2), 8);
  EXPECT_EQ(memcmp(b, "defgh", 5), 0);
  kmem_driver_close(fd);
}

TEST_F(Chardev, bad_addresses_give_efault_and_the_wrong_direction_ebadf) {
  const int fd = kmem_driver_open("/dev/box0", O_RDWR), reads = kmem_driver_open("/dev/box0", O_RDONLY);
  EXPECT_EQ(kmem_driver_write(fd, reinterpret_cast<void*>(16), 4), -EFAULT);
  EXPECT_EQ(kmem_driver_write(fd, "abc", 3), 3);
  EXPECT_EQ(kmem_driver_pread(fd, nullptr, 3, 0), -EFAULT);
  EXPECT_EQ(kmem_driver_write(reads, "x", 1), -EBADF);
  EXPECT_EQ(kmem_driver_read(fd, buffer, static_cast<size_t>(-5)), -EINVAL);
  EXPECT_EQ(kmem_driver_ioctl(fd, kGet, 8), -EFAULT);
  kmem_driver_close(fd);
  kmem_driver_close(reads);
}

TEST_F(Chardev, ioctl_passes_numbers_and_an_unknown_one_is_enotty) {
  const int fd = kmem_driver_open("/dev/box1", O_RDWR);
  int value = 42, back = 0;
  EXPECT_EQ(kmem_driver_ioctl(fd, kSet, reinterpret_cast<unsigned long>(&value)), 0);
  EXPECT_EQ(kmem_driver_ioctl(fd, kGet, reinterpret_cast<unsigned long>(&back)), 0);
  EXPECT_EQ(back, 42);
  EXPECT_EQ(kmem_driver_ioctl(fd, kReset, 0), 0);
  EXPECT_EQ(kmem_driver_ioctl(fd, _IO('b', 99), 0), -ENOTTY);
  kmem_driver_set_capable(0);
  EXPECT_EQ(kmem_driver_ioctl(fd, kSet, reinterpret_cast<unsigned long>(&value)), -EPERM);
  kmem_driver_set_capable(~0ull);
  kmem_driver_close(fd);
}

TEST_F(Chardev, a_blocked_read_ends_by_a_write_or_by_a_signal_and_not_at_all_without_waiting) {
  const int fd = kmem_driver_open("/dev/box0", O_RDWR), now = kmem_driver_open("/dev/box0", O_RDONLY | O_NONBLOCK);
  EXPECT_EQ(kmem_driver_read(now, buffer, 1), -EAGAIN);
  const int reader = kmem_driver_open("/dev/box0", O_RDONLY);
  std::atomic<long> result{0};
  Thread t([&] { result = kmem_driver_read(reader, buffer, 10); });
  t.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  EXPECT_EQ(kmem_driver_write(fd, "data", 4), 4);
  t.join();
  EXPECT_EQ(result, 4);
  Thread interrupted([&] { result = kmem_driver_read(reader, buffer, 10); });
  interrupted.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  kmem_driver_signal(interrupted.task()->pid, SIGINT);
  interrupted.join();
  EXPECT_EQ(result, -EINTR);
  for (int f : {fd, now, reader}) kmem_driver_close(f);
}

TEST_F(Chardev, poll_waits_for_what_is_asked_and_for_so_long) {
  const int fd = kmem_driver_open("/dev/box0", O_RDWR), reader = kmem_driver_open("/dev/box0", O_RDONLY);
  pollfd p = {reader, POLLIN, 0};
  EXPECT_EQ(kmem_driver_poll(&p, 1, 0), 0);
  EXPECT_EQ(kmem_driver_poll(&p, 1, 5), 0);
  pollfd both = {fd, POLLIN | POLLOUT, 0};
  EXPECT_EQ(kmem_driver_poll(&both, 1, -1), 1);
  EXPECT_EQ(both.revents, POLLOUT);
  std::atomic<int> result{-1};
  Thread t([&] { result = kmem_driver_poll(&p, 1, -1); });
  t.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  kmem_driver_write(fd, "x", 1);
  t.join();
  EXPECT_EQ(result, 1);
  EXPECT_EQ(p.revents, POLLIN);
  pollfd wrong = {999, POLLIN, 0};
  EXPECT_EQ(kmem_driver_poll(&wrong, 1, -1), 1);
  EXPECT_EQ(wrong.revents, POLLNVAL);
  kmem_driver_read(reader, buffer, 10);
  Thread signalled([&] { result = kmem_driver_poll(&p, 1, -1); });
  signalled.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  kmem_driver_signal(signalled.task()->pid, SIGTERM);
  signalled.join();
  EXPECT_EQ(result, -EINTR);
  kmem_driver_close(fd);
  kmem_driver_close(reader);
}

TEST_F(Chardev, who_asked_for_sigio_is_told_and_after_closing_no_more) {
  static std::atomic<int> told;
  told = 0;
  kmem_driver_on_async([](int owner, int signal, int, int) { told += owner == 77 && signal == SIGIO; });
  const int fd = kmem_driver_open("/dev/box0", O_RDWR), reader = kmem_driver_open("/dev/box0", O_RDONLY);
  EXPECT_EQ(kmem_driver_fcntl(reader, F_SETOWN, 77), 0);
  EXPECT_EQ(kmem_driver_fcntl(reader, F_SETFL, O_ASYNC), 0);
  EXPECT_EQ(kmem_driver_fcntl(reader, F_GETFL, 0) & O_ASYNC, O_ASYNC);
  kmem_driver_write(fd, "x", 1);
  EXPECT_EQ(told, 1);
  kmem_driver_close(reader);
  kmem_driver_write(fd, "x", 1);
  EXPECT_EQ(told, 1);
  kmem_driver_close(fd);
  kmem_driver_on_async(nullptr);
}

TEST_F(Chardev, an_ioctl_of_32_bits_has_the_lower_half_of_its_argument) {
  file_operations operations = {}, without = {};
  operations.unlocked_ioctl = [](file*, unsigned command, unsigned long argument) -> long {
    return command == 7 && argument == 0x89abcdef ? 5 : -1;
  };
  file f = {};
  f.f_op = &operations;
  EXPECT_EQ(compat_ptr_ioctl(&f, 7, 0xffffffff89abcdef), 5);
  f.f_op = &without;
  EXPECT_EQ(compat_ptr_ioctl(&f, 7, 0), -ENOIOCTLCMD);
}

TEST_F(Chardev, ioctls_that_the_kernel_answers_do_not_reach_the_driver) {
  const int fd = kmem_driver_open("/dev/box0", O_RDWR);
  int on = 1;
  EXPECT_EQ(kmem_driver_ioctl(fd, FIONBIO, reinterpret_cast<unsigned long>(&on)), 0);
  EXPECT_EQ(kmem_driver_ioctl(fd, FIOASYNC, reinterpret_cast<unsigned long>(&on)), 0);
  EXPECT_EQ(kmem_driver_fcntl(fd, F_GETFL, 0) & (O_ASYNC | O_NONBLOCK), O_ASYNC | O_NONBLOCK);
  on = 0;
  EXPECT_EQ(kmem_driver_ioctl(fd, FIONBIO, reinterpret_cast<unsigned long>(&on)), 0);
  EXPECT_EQ(kmem_driver_fcntl(fd, F_GETFL, 0) & (O_ASYNC | O_NONBLOCK), O_ASYNC);
  EXPECT_EQ(kmem_driver_ioctl(fd, FIOASYNC, 8), -EFAULT);
  kmem_driver_close(fd);
}

TEST_F(Chardev, a_file_that_is_duplicated_is_released_once_and_keeps_the_module) {
  const int fd = kmem_driver_open("/dev/box0", O_RDWR), other = kmem_driver_dup(fd);
  EXPECT_EQ(kmem_driver_rmmod(), -EBUSY);
  kmem_driver_close(fd);
  EXPECT_EQ(releases, 0);
  EXPECT_EQ(kmem_driver_write(other, "x", 1), 1);
  kmem_driver_close(other);
  EXPECT_EQ(releases, 1);
}

TEST_F(Chardev, a_number_that_nobody_serves_and_a_path_that_is_not_there_cannot_be_opened) {
  EXPECT_EQ(kmem_driver_open("/dev/box2", O_RDWR), -ENXIO);
  EXPECT_EQ(kmem_driver_open("/dev/nothing", O_RDWR), -ENOENT);
  const int fd = kmem_driver_open_device(static_cast<unsigned>(box_major()), 1, O_RDWR);
  EXPECT_GE(fd, 0);
  kmem_driver_close(fd);
  EXPECT_EQ(kmem_driver_mknod("/dev/box0", S_IFCHR, 1, 1), -EEXIST);
}

TEST_F(Chardev, numbers_are_nobodys_twice) {
  dev_t dev;
  EXPECT_EQ(register_chrdev_region(MKDEV(box_major(), 1), 4, "other"), -EBUSY);
  EXPECT_EQ(alloc_chrdev_region(&dev, 5, 2, "other"), 0);
  EXPECT_NE(MAJOR(dev), static_cast<unsigned>(box_major()));
  EXPECT_EQ(MINOR(dev), 5u);
  unregister_chrdev_region(dev, 2);
  EXPECT_EQ(register_chrdev_region(MKDEV(600, 0), 1, "too large"), -EINVAL);
}

// A misc device with iterators.

std::string kept;
ssize_t misc_read(kiocb* iocb, iov_iter* to) {
  const auto at = static_cast<size_t>(iocb->ki_pos);
  if (at >= kept.size()) return 0;
  const size_t n = copy_to_iter(kept.data() + at, std::min(kept.size() - at, iov_iter_count(to)), to);
  iocb->ki_pos += static_cast<loff_t>(n);
  return n ? static_cast<ssize_t>(n) : -EFAULT;
}
ssize_t misc_write(kiocb*, iov_iter* from) {
  kept.resize(iov_iter_count(from));
  return copy_from_iter_full(kept.data(), kept.size(), from) ? static_cast<ssize_t>(kept.size()) : -EFAULT;
}
void* opened_with;

TEST(Misc, has_a_node_of_its_own_and_finds_itself_when_it_is_opened) {
  file_operations ops = {};
  ops.read_iter = misc_read;
  ops.write_iter = misc_write;
  ops.open = [](inode*, file* f) {
    opened_with = f->private_data;
    return 0;
  };
  miscdevice misc = {};
  misc.minor = MISC_DYNAMIC_MINOR;
  misc.name = "thing";
  misc.fops = &ops;
  misc.mode = 0640;
  ASSERT_EQ(misc_register(&misc), 0);
  miscdevice same = misc;
  EXPECT_EQ(misc_register(&same), -EBUSY);
  const int fd = kmem_driver_open("/dev/thing", O_RDWR);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(opened_with, &misc);
  const iovec out[] = {{const_cast<char*>("abc"), 3}, {const_cast<char*>("def"), 3}};
  EXPECT_EQ(kmem_driver_writev(fd, out, 2), 6);
  char a[4] = {}, b[8] = {};
  const iovec in[] = {{a, 2}, {b, 8}};
  EXPECT_EQ(kmem_driver_readv(fd, in, 2), 6);
  EXPECT_STREQ(b, "cdef");
  EXPECT_EQ(kmem_driver_read(fd, a, 1), 0);
  EXPECT_EQ(kmem_driver_pread(fd, nullptr, 3, 0), -EFAULT);
  kmem_driver_close(fd);
  const int dev = kmem_driver_open("/sys/class/misc/thing/dev", O_RDONLY);
  char number[16] = {};
  EXPECT_GT(kmem_driver_read(dev, number, 15), 0);
  EXPECT_EQ(std::string(number), "10:" + std::to_string(misc.minor) + "\n");
  kmem_driver_close(dev);
  misc_deregister(&misc);
  EXPECT_EQ(kmem_driver_open("/dev/thing", O_RDWR), -ENOENT);
}

TEST(Register, of_a_whole_major_serves_its_256_minors) {
  static file_operations ops = {};
  ops.open = [](inode* i, file*) { return iminor(i) == 200 ? 0 : -ENODEV; };
  ops.llseek = no_llseek;
  const int major = register_chrdev(0, "old", &ops);
  ASSERT_GT(major, 0);
  const int fd = kmem_driver_open_device(static_cast<unsigned>(major), 200, O_RDONLY);
  EXPECT_GE(fd, 0);
  EXPECT_EQ(kmem_driver_lseek(fd, 1, SEEK_SET), -ESPIPE);
  kmem_driver_close(fd);
  EXPECT_EQ(kmem_driver_open_device(static_cast<unsigned>(major), 199, O_RDONLY), -ENODEV);
  unregister_chrdev(static_cast<unsigned>(major), "old");
  EXPECT_EQ(kmem_driver_open_device(static_cast<unsigned>(major), 200, O_RDONLY), -ENXIO);
}

TEST_F(Chardev, a_watch_tells_of_wake_ups_until_it_ends) {
  const int reader = kmem_driver_open("/dev/box0", O_RDONLY), writer = kmem_driver_open("/dev/box0", O_WRONLY);
  std::atomic<int> told{0};
  auto count = [](void* to) { ++*static_cast<std::atomic<int>*>(to); };
  kmem_driver_watch* watch = kmem_driver_watch_begin(reader, count, &told);
  ASSERT_NE(watch, nullptr);
  EXPECT_EQ(kmem_driver_watch_events(watch) & POLLIN, 0u);
  EXPECT_EQ(kmem_driver_write(writer, "x", 1), 1);
  EXPECT_EQ(told, 1);
  EXPECT_NE(kmem_driver_watch_events(watch) & POLLIN, 0u);
  kmem_driver_close(reader);
  EXPECT_EQ(releases, 0);  // the watch holds it
  kmem_driver_watch_end(watch);
  EXPECT_EQ(releases, 1);
  EXPECT_EQ(kmem_driver_write(writer, "x", 1), 1);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(kmem_driver_watch_begin(reader, count, &told), nullptr);
  kmem_driver_close(writer);
}

TEST_F(Chardev, a_thread_that_acts_for_that_of_another_program_is_it) {
  const int fd = kmem_driver_open("/dev/box0", O_RDONLY);
  constexpr kmem_driver_caller kCaller = {1 << 30, (1 << 30) - 1, "somebody", 11, 12, 13, 14, 15, 0};
  Thread reader([&] {
    kmem_driver_act_as(&kCaller);
    EXPECT_EQ(get_current()->pid, 1 << 30);
    EXPECT_EQ(get_current()->tgid, (1 << 30) - 1);
    EXPECT_STREQ(get_current()->comm, "somebody");
    EXPECT_EQ(current_uid().val, 11u);
    EXPECT_EQ(current_cred()->egid.val, 14u);
    EXPECT_FALSE(capable(CAP_SYS_ADMIN));
    EXPECT_EQ(tty_devnum(get_current()->signal->tty), 15u);
    EXPECT_EQ(kmem_driver_read(fd, buffer, 1), -ERESTARTSYS);
    kmem_driver_act_as(nullptr);
    EXPECT_EQ(get_current()->pid, gettid());
    kmem_driver_set_capable(~0ull);
  });
  reader.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  EXPECT_EQ(kmem_driver_signal(1 << 30, SIGUSR1), 0);
  reader.join();
  kmem_driver_close(fd);
}

}  // namespace
