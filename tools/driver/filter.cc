#include "filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <vector>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace kmem::driver_host {
namespace {

#if defined __x86_64__
constexpr unsigned kMachine = AUDIT_ARCH_X86_64;
#elif defined __aarch64__
constexpr unsigned kMachine = AUDIT_ARCH_AARCH64;
#endif

/// Those whose file or path may be a driver's.
constexpr unsigned kAsked[] = {
    SYS_read,       SYS_write,     SYS_pread64,  SYS_pwrite64,   SYS_readv,     SYS_writev,    SYS_preadv,
    SYS_pwritev,    SYS_lseek,     SYS_ioctl,    SYS_fcntl,      SYS_fsync,     SYS_fdatasync, SYS_fallocate,
    SYS_ftruncate,  SYS_openat,    SYS_openat2,  SYS_newfstatat, SYS_statx,     SYS_fstat,     SYS_faccessat,
    SYS_faccessat2, SYS_fchmodat,  SYS_fchownat, SYS_unlinkat,   SYS_mknodat,   SYS_sendfile,  SYS_copy_file_range,
    SYS_splice,     SYS_fadvise64, SYS_ppoll,    SYS_pselect6,   SYS_epoll_ctl, SYS_munmap,
#ifdef SYS_open  // what newer machines no longer have
    SYS_open,       SYS_creat,     SYS_stat,     SYS_lstat,      SYS_access,    SYS_chmod,     SYS_chown,
    SYS_unlink,     SYS_mknod,     SYS_poll,     SYS_select,
#endif
};

sock_filter load(size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)); }
sock_filter answer(unsigned what) { return BPF_STMT(BPF_RET | BPF_K, what); }
sock_filter jump(unsigned how, unsigned value, unsigned char yes, unsigned char no) {
  return BPF_JUMP(static_cast<unsigned short>(BPF_JMP | how | BPF_K), value, yes, no);
}

std::vector<sock_filter> program() {
  std::vector<sock_filter> p = {load(offsetof(seccomp_data, arch)), jump(BPF_JEQ, kMachine, 1, 0), answer(SECCOMP_RET_ALLOW),
                                load(offsetof(seccomp_data, nr))};
  for (const unsigned nr : kAsked) {
    p.push_back(jump(BPF_JEQ, nr, 0, 1));
    p.push_back(answer(SECCOMP_RET_USER_NOTIF));
  }
  // Mappings of a file, of which there are few.
  p.push_back(jump(BPF_JEQ, SYS_mmap, 1, 0));
  p.push_back(answer(SECCOMP_RET_ALLOW));
  p.push_back(load(offsetof(seccomp_data, args[3])));
  p.push_back(jump(BPF_JSET, MAP_ANONYMOUS, 0, 1));
  p.push_back(answer(SECCOMP_RET_ALLOW));
  p.push_back(answer(SECCOMP_RET_USER_NOTIF));
  return p;
}

}  // namespace

int install_filter(bool* exact) {
  std::vector<sock_filter> filter = program();
  const sock_fprog whole = {static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
  constexpr unsigned long kListener = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kListener | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &whole);
  *exact = fd >= 0;
  if (fd < 0) fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kListener, &whole);
  return static_cast<int>(fd);
}

}  // namespace kmem::driver_host
