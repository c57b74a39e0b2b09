#!/usr/bin/env python3
"""A program that uses a device badly: bad_input.py TEST DEVICE [SECONDS] [SEED].  It ends with 0 where the device goes on."""
import ctypes
import errno
import mmap
import os
import random
import select
import signal
import sys
import time

if sys.argv[1:2] in (["-h"], ["--help"], []):
    print(__doc__.strip())
    sys.exit(0)

DEVICE = sys.argv[2]
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 2
# A short run is the same each time; a long one looks for what nobody has seen.
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32) if SECONDS > 2 else 1
LIBC = ctypes.CDLL(None, use_errno=True)
for call in (LIBC.read, LIBC.write, LIBC.ioctl, LIBC.pread, LIBC.pwrite):
    call.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong] + [ctypes.c_ulong] * (call.__name__[0] == "p")
for call in (LIBC.readv, LIBC.writev):
    call.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
LIBC.lseek.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_int]
for call in (LIBC.read, LIBC.write, LIBC.readv, LIBC.writev, LIBC.pread, LIBC.pwrite, LIBC.lseek):
    call.restype = ctypes.c_long
EXPECTED = {errno.EFAULT, errno.EINVAL, errno.ENOTTY, errno.EPERM, errno.EAGAIN, errno.ENOSPC, errno.EBADF, errno.EINTR, errno.ESPIPE,
            errno.ENXIO, errno.EOVERFLOW, errno.EIO}  # a device that takes too long, on a busy machine


class Addresses:
    """Good ones and bad ones."""

    def __init__(self):
        self.page = mmap.mmap(-1, 4 * mmap.PAGESIZE)
        self.begin = ctypes.addressof(ctypes.c_char.from_buffer(self.page))
        LIBC.munmap(ctypes.c_void_p(self.begin + 2 * mmap.PAGESIZE), mmap.PAGESIZE)  # a hole
        LIBC.mprotect(ctypes.c_void_p(self.begin + 3 * mmap.PAGESIZE), mmap.PAGESIZE, mmap.PROT_READ)
        hole = self.begin + 2 * mmap.PAGESIZE
        self.bad = [0, 8, hole, hole + 100, (1 << 47) - 8, 1 << 47, 0xffff888000000000, (1 << 64) - 1]
        self.some_good = [self.begin, self.begin + 1, hole - 4, hole - 3, hole - 1, hole + mmap.PAGESIZE]

    def any(self):
        return random.choice(self.bad + self.some_good + [random.randrange(1 << 64), random.randrange(1 << 16)])


def expected(result, what):
    if result < 0 and ctypes.get_errno() not in EXPECTED:
        raise AssertionError(f"{what} gives {os.strerror(ctypes.get_errno())}, seed {SEED}")


def ioctls():
    fd, addresses = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK), Addresses()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for _ in range(100):
            command = random.choice([random.randrange(1 << 32), random.randrange(4) << 30 | random.choice([0, 1, 4, 8, 4096]) << 16
                                     | random.choice(b"etlTX") << 8 | random.randrange(16)])
            argument = addresses.any()
            if DEVICE == "/dev/tube" and command >> 8 & 255 == ord("t"):
                continue  # what tests do to the tube on purpose
            expected(LIBC.ioctl(fd, ctypes.c_void_p(command), argument), f"ioctl {command:#x} {argument:#x}")


def addresses():
    fd, addresses = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK), Addresses()
    os.write(fd, b"x" * 100)
    for address in addresses.bad:
        for call in (LIBC.write, LIBC.read):
            if (call(fd, address, 10), ctypes.get_errno()) != (-1, errno.EFAULT):
                raise AssertionError(f"{call.__name__} at {address:#x}")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for _ in range(100):
            address, call = addresses.any(), random.choice([LIBC.write, LIBC.read])
            expected(call(fd, address, random.choice([0, 1, 10, 100, 5000, 1 << 31, (1 << 64) - 1])), f"{call.__name__} {address:#x}")


def transfers():
    """Reads and writes at any place of any device, also from and to where nothing is, in pieces too."""
    addresses, end = Addresses(), time.monotonic() + SECONDS
    places = [0, 1, 999, 1000, 4095, 63999, 64000, 1 << 22, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    sizes = [0, 1, 10, 1000, 5000, 1 << 31, (1 << 63) - 1, (1 << 64) - 1]
    while time.monotonic() < end:
        fd = os.open(DEVICE, random.choice([os.O_RDWR, os.O_RDONLY, os.O_WRONLY]) | os.O_NONBLOCK)
        for _ in range(100):
            address, size, place = addresses.any(), random.choice(sizes), random.choice(places + [random.randrange(1 << 17)])
            call = random.choice([LIBC.pread, LIBC.pwrite, LIBC.read, LIBC.write, LIBC.readv, LIBC.writev, LIBC.lseek])
            if call is LIBC.lseek:
                done = call(fd, place, random.randrange(7))
            elif call in (LIBC.readv, LIBC.writev):
                pieces = (ctypes.c_ulong * 6)(*(n for _ in range(3) for n in (addresses.any(), random.choice(sizes[:5]))))
                done = call(fd, ctypes.addressof(pieces) if random.randrange(4) else address, random.choice([0, 1, 3, 3, 3, 1025, 1 << 31]))
            else:
                done = call(fd, address, size, place)
            expected(done, f"{call.__name__} {address:#x} {size:#x} {place:#x}")
        os.close(fd)


def use(what):
    """One call again and again, until killed; a device that refuses it may do so."""
    fd = os.open(DEVICE, os.O_RDWR)
    while True:
        try:
            use_once(fd, what)
        except OSError as error:
            if error.errno not in EXPECTED | {errno.ENODEV}:
                raise


def use_once(fd, what):
    if what == "open":
        os.close(os.open(DEVICE, os.O_RDWR))
    elif what == "read":
        os.read(fd, 1)
    elif what == "write":
        os.write(fd, b"x" * 1000)
    elif what == "ioctl":
        LIBC.ioctl(fd, ctypes.c_void_p(0x1234), 0)
    elif what == "poll":
        select.select([fd], [], [], 0.001)
    elif what == "mmap":
        mmap.mmap(fd, mmap.PAGESIZE).close()
    elif what == "seek":
        LIBC.lseek(fd, 0, 0)
    elif what == "fork" and os.fork() == 0:
        os._exit(LIBC.read(fd, None, 0))


def end_of(child, what):
    """The status of a child that was killed; fails where its parent does not hear of it."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.0002)
    raise AssertionError(f"the end of a program that was killed in {what} is not told, seed {SEED}")


def killed_mapping():
    """The driver's host traces a thread while it maps something: a program that is killed then must not stay its own."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        child = os.fork()
        if not child:
            use("mmap")
        time.sleep(0.002 + random.random() * 0.003)
        os.kill(child, signal.SIGKILL)
        if (status := end_of(child, "mmap")) != signal.SIGKILL:
            raise AssertionError(f"mmap ends with {status:#x}, seed {SEED}")


def killed():
    end = time.monotonic() + SECONDS
    calls = ["open", "read", "write", "ioctl", "poll", "mmap", "seek", "fork"]
    while time.monotonic() < end:
        for what in calls:
            child = os.fork()
            if not child:
                os.setpgid(0, 0)
                use(what)
            time.sleep(random.random() * 0.02)
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                os.kill(child, signal.SIGKILL)  # it has no group yet
            status = end_of(child, what)
            if status != signal.SIGKILL:
                raise AssertionError(f"{what} ends with {status:#x}, seed {SEED}")
    if not goes_on(os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK)):
        raise AssertionError("the device does not go on")


def goes_on(fd):
    """Does it give back what is written, as before?"""
    try:
        while DEVICE == "/dev/tube":  # what the children have left in it
            os.read(fd, 4096)
    except BlockingIOError:
        return os.write(fd, b"still here") == 10 and os.read(fd, 100) == b"still here"
    if DEVICE == "/dev/scull_percpu":  # counts alone
        return os.read(fd, 100).strip().isdigit()
    return os.pwrite(fd, b"still here", 0) == 10 and os.pread(fd, 10, 0) == b"still here"


random.seed(SEED)
globals()[sys.argv[1]]()
