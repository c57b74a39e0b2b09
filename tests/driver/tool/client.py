#!/usr/bin/env python3
"""A program that uses the device of tube.c: client.py TEST.  It ends with 0 where all is as it should be."""
import errno
import fcntl
import mmap
import os
import select
import signal
import stat
import sys
import termios
import threading
import time

if sys.argv[1:2] in (["-h"], ["--help"], []):
    print(__doc__.strip())
    sys.exit(0)

TUBE = "/dev/tube"
PID, UID, LEAK, CRASH, OPENS, KEEP, LEAK_AREA, CAPABLE, MAPPINGS, PEEK = (
    ord("t") << 8 | n for n in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11))
COMM = 2 << 30 | 16 << 16 | ord("t") << 8 | 3


def same(a, b):
    if a != b:
        raise AssertionError(f"{a!r} is not {b!r}")


def fails(number, call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return same(error.errno, number)
    raise AssertionError("it does not fail")


def soon(condition):
    end = time.monotonic() + 300
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it does not come")
        time.sleep(0.001)


def tube(flags=0):
    return os.open(TUBE, os.O_RDWR | flags)


def bytes_pass():
    fd = tube()
    same(os.write(fd, b"hello"), 5)
    same(os.read(fd, 100), b"hello")
    same(os.writev(fd, [b"ab", b"", b"cde"]), 5)
    a, b = bytearray(3), bytearray(9)
    same(os.readv(fd, [a, b]), 5)
    same(bytes(a + b[:2]), b"abcde")
    fails(errno.ESPIPE, os.lseek, fd, 0, os.SEEK_SET)
    fails(errno.ESPIPE, os.pread, fd, 1, 0)
    fails(errno.ENOTTY, fcntl.ioctl, fd, 0x1234)
    fails(errno.ENOENT, os.open, "/dev/no-tube", os.O_RDONLY)
    fails(errno.EEXIST, os.open, TUBE, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    fails(errno.EBADF, os.read, os.open(TUBE, os.O_WRONLY), 1)


def names():
    about = os.stat(TUBE)
    same((stat.S_ISCHR(about.st_mode), os.major(about.st_rdev)), (True, 10))
    fd = tube()
    same((os.fstat(fd).st_rdev, os.access(TUBE, os.R_OK)), (about.st_rdev, True))
    os.chdir("/dev")
    os.close(os.open("./shm/../tube", os.O_RDONLY))
    folder = os.open("/dev", os.O_RDONLY)
    os.close(os.open("tube", os.O_RDONLY, dir_fd=folder))
    with open("/proc/tube") as text:  # by libc's own reading
        same(text.read(), "0 of 4096, how do you do\n")


def flags():
    fd = tube(os.O_NONBLOCK)
    fails(errno.EAGAIN, os.read, fd, 1)
    same(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK, os.O_NONBLOCK)
    os.set_blocking(fd, True)  # by FIONBIO or F_SETFL
    same(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK, 0)
    same(os.get_inheritable(fd), False)


def who():
    fd = tube()
    same(fcntl.ioctl(fd, PID), os.getpid())
    same(fcntl.ioctl(fd, UID), os.getuid())
    buffer = bytearray(16)
    fcntl.ioctl(fd, COMM, buffer)
    with open("/proc/self/comm") as comm:
        same(buffer.rstrip(b"\0").decode(), comm.read().strip())
    with open("/proc/self/status") as text:
        effective = next(int(line.split()[1], 16) for line in text if line.startswith("CapEff"))
    same(fcntl.ioctl(fd, CAPABLE), effective >> 21 & 1)


def bad_addresses():
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.write.argtypes = libc.read.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    fd = tube()
    same((libc.write(fd, 8, 10), ctypes.get_errno()), (-1, errno.EFAULT))
    os.write(fd, b"xyz")
    same((libc.read(fd, 8, 3), ctypes.get_errno()), (-1, errno.EFAULT))


def copies_are_one_file():
    fd = tube()
    same(fcntl.ioctl(fd, OPENS), 1)
    other = os.dup(fd)
    child = os.fork()
    if not child:
        os.close(fd)
        same(os.read(other, 5), b"child")
        os._exit(0)
    os.write(fd, b"child")
    same(os.waitpid(child, 0)[1], 0)
    os.close(fd)
    second = tube()  # what was closed before is closed now
    same(fcntl.ioctl(second, OPENS), 2)
    os.close(other)
    third = tube()
    same(fcntl.ioctl(second, OPENS), 2)
    os.close(third)
    soon(lambda: fcntl.ioctl(second, OPENS) == 1)
    os.dup2(second, 0, inheritable=True)
    os.execv("/bin/sh", ["sh", "-c", "echo exec >&0; read line; [ $line = exec ]"])


def a_read_waits():
    fd = tube()
    got = []
    reader = threading.Thread(target=lambda: got.append(os.read(fd, 100)))
    reader.start()
    time.sleep(0.05)
    same(got, [])
    os.write(fd, b"late")
    reader.join(60)
    same(got, [b"late"])


def waits_for(number, seconds=300):
    """What is told of the blocked signal; None: it does not come."""
    return signal.sigtimedwait({number}, seconds)


def asynchronous():
    """The program hears by a signal that there is something to read."""
    fd, mine = tube(), signal.SIGRTMIN + 1
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO, mine})
    plain = os.open("/proc/tube", os.O_RDONLY)  # its driver sends no signals
    fcntl.fcntl(plain, fcntl.F_SETFL, os.O_ASYNC)
    same(fcntl.fcntl(plain, fcntl.F_GETFL) & os.O_ASYNC, 0)
    fails(errno.ENOTTY, fcntl.ioctl, plain, termios.FIOASYNC, b"\1\0\0\0")

    os.write(fd, b"0")
    same((fcntl.fcntl(fd, fcntl.F_GETOWN), fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ASYNC), (0, 0))
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    os.write(fd, b"1")
    same(waits_for(signal.SIGIO, 0.05), None)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    same((fcntl.fcntl(fd, fcntl.F_GETOWN), fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ASYNC), (os.getpid(), os.O_ASYNC))
    os.write(fd, b"2")
    same(waits_for(signal.SIGIO).si_signo, signal.SIGIO)
    same(os.read(fd, 9), b"012")

    fcntl.fcntl(fd, 10, mine)  # F_SETSIG: then it says what has happened
    same(fcntl.fcntl(fd, 11), mine)
    for _ in range(3):
        os.write(fd, b"3")
        told = waits_for(mine)
        same((told.si_code, told.si_band & select.POLLIN), (1, select.POLLIN))  # POLL_IN
    fcntl.ioctl(fd, termios.FIOASYNC, b"\0\0\0\0")
    os.write(fd, b"4")
    same(waits_for(mine, 0.05), None)

    ready, inform = os.pipe()
    child = os.fork()  # may be the owner as well; and the group, of which it is one
    if not child:
        os.setpgid(0, 0)
        os.write(inform, b"r")
        os._exit(int(any(waits_for(mine) is None for _ in range(2))))
    os.read(ready, 1)
    fcntl.ioctl(fd, termios.FIOASYNC, b"\1\0\0\0")
    for owner in (child, -child):
        fcntl.fcntl(fd, fcntl.F_SETOWN, owner)
        os.write(fd, b"5")
    same(os.waitpid(child, 0)[1], 0)
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    other = tube()
    os.close(fd)
    soon(lambda: fcntl.ioctl(other, OPENS) == 1)
    os.write(other, b"6")
    same(waits_for(mine, 0.05), None)


def waits_at_standard_input():
    """A filter that was written for a terminal or a pipe: its input is the device, and it waits for two things."""
    fd, (inside, outside), (done, tell) = tube(), os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.dup2(fd, 0)
        os.close(fd)
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_NONBLOCK)
        seen, poll = [], select.poll()
        poll.register(0, select.POLLIN)
        poll.register(inside, select.POLLIN)
        while len(seen) < 4:
            for ready, events in poll.poll(60000):
                same(events, select.POLLIN)
                seen.append((ready == 0, os.read(ready, 100)))
                os.write(tell, b".")
        fails(errno.EAGAIN, os.read, 0, 1)
        os._exit(int(seen != [(True, b"a"), (False, b"b"), (True, b"c"), (False, b"d")]))
    for n, text in enumerate((b"a", b"b", b"c", b"d")):
        os.write(outside if n % 2 else fd, text)
        os.read(done, 1)
    same(os.waitpid(child, 0)[1], 0)


class Alarm(Exception):
    pass


def signals():
    fd = tube()
    told = []

    def stop(*_):
        told.append(1)
        raise Alarm

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        os.read(fd, 1)  # Python's handlers run behind the call, which a signal ends
        raise AssertionError("it read something")
    except Alarm:
        pass
    # A call that is begun again by itself, in a C program's way.
    signal.signal(signal.SIGALRM, lambda *_: told.append(2))
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    threading.Timer(0.3, lambda: os.write(fd, b"r")).start()
    same(os.read(fd, 1), b"r")
    same(told, [1, 2])
    child = os.fork()
    if not child:
        os.read(fd, 1)
        os._exit(1)
    time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    same(os.waitpid(child, 0)[1], signal.SIGKILL)


def polling():
    fd = tube()
    inside, outside = os.pipe()
    poll = select.poll()
    poll.register(fd, select.POLLIN | select.POLLOUT)
    same(poll.poll(0), [(fd, select.POLLOUT)])
    poll.register(inside, select.POLLIN)
    poll.modify(fd, select.POLLIN)
    same(poll.poll(20), [])
    threading.Timer(0.05, lambda: os.write(fd, b"p")).start()
    same(poll.poll(60000), [(fd, select.POLLIN)])
    same(select.select([fd, inside], [fd], [], 60), ([fd], [fd], []))
    os.read(fd, 1)
    os.write(outside, b"o")
    same(select.select([fd, inside], [], [], 60), ([inside], [], []))
    same(poll.poll(60000), [(inside, select.POLLIN)])


def epolls():
    fd = tube()
    inside, outside = os.pipe()
    epoll = select.epoll()
    epoll.register(fd, select.EPOLLIN)
    epoll.register(inside, select.EPOLLIN)
    same(epoll.poll(0.02), [])
    threading.Timer(0.05, lambda: os.write(fd, b"e")).start()
    same(epoll.poll(60), [(fd, select.EPOLLIN)])
    same(os.read(fd, 9), b"e")
    same(epoll.poll(0), [])
    os.write(outside, b"o")
    same(epoll.poll(60), [(inside, select.EPOLLIN)])
    epoll.unregister(inside)
    epoll.modify(fd, select.EPOLLOUT)
    same(epoll.poll(60), [(fd, select.EPOLLOUT)])
    os.write(fd, b"f" * 4096)
    same(epoll.poll(0.02), [])
    os.read(fd, 1)
    same(epoll.poll(60), [(fd, select.EPOLLOUT)])
    epoll.unregister(fd)
    same(epoll.poll(0.02), [])


def mapped():
    fd, page = tube(), mmap.PAGESIZE
    by_fault = mmap.mmap(fd, 6 * page)
    at_once = mmap.mmap(fd, 2 * page, offset=16 * page)
    area = mmap.mmap(fd, 3 * page, offset=32 * page)
    same(fcntl.ioctl(fd, MAPPINGS), 3)
    by_fault[page + 5] = 77
    same((at_once[page + 5], fcntl.ioctl(fd, PEEK, page + 5)), (77, 77))
    by_fault[3 * page] = 78
    same(fcntl.ioctl(fd, PEEK, 3 * page), 78)
    area[2 * page + 1] = 79
    same(fcntl.ioctl(fd, PEEK, 6 * page + 1), 79)
    fails(errno.EINVAL, mmap.mmap, fd, 3 * page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, 0, 16 * page)
    child = os.fork()
    if not child:
        by_fault[5 * page]  # behind what the driver has
    same(os.waitpid(child, 0)[1] & 127, signal.SIGBUS)
    at_once.close()
    same(fcntl.ioctl(fd, MAPPINGS), 2)
    fails(errno.EACCES, mmap.mmap, os.open(TUBE, os.O_RDONLY), page, mmap.MAP_SHARED, mmap.PROT_WRITE)


def threads():
    def work(number):
        fd = tube()
        for i in range(100):
            os.write(fd, bytes([number]))
            same(len(os.read(fd, 1)), 1)
        os.close(fd)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def leak():
    fcntl.ioctl(tube(), LEAK)


def leak_area():
    fcntl.ioctl(tube(), LEAK_AREA)


def crash():
    fd = tube()
    fails(errno.EFAULT, fcntl.ioctl, fd, CRASH)
    same(fcntl.ioctl(fd, PID), os.getpid())  # everything else goes on


def keep():
    try:
        fcntl.ioctl(tube(), KEEP)
    except OSError as error:
        sys.exit(error.errno)


globals()[sys.argv[1]]()
