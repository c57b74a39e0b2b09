"""Which allocators there are on this machine, and how a process is made to use one."""
import os
import subprocess
from dataclasses import dataclass, field

from .measure import ENVIRONMENT

# name, soname, Debian package, colour in the plot (told apart by the colour-blind: Okabe and Ito's set)
PEERS = [
    ("glibc", "libc.so.6", "libc6", "#999999"),
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2", "#E69F00"),
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0", "#009E73"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4", "#56B4E9"),
    ("tbbmalloc", "libtbbmalloc_proxy.so.2", "libtbbmalloc2", "#CC79A7"),
]
KMEM_COLOUR = "#D55E00"
WITHOUT_RSEQ_COLOUR = "#F0A37A"
ADDED_COLOURS = ("#0072B2", "#F0E442", "#000000", "#7F3C8D", "#80BA5A")
# glibc's own word: no thread registers for restartable sequences, as on a kernel or in a sandbox without them.
WITHOUT_RSEQ = {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}


@dataclass(frozen=True)
class Allocator:
    name: str
    library: str  # full path
    version: str
    colour: str
    env: dict = field(default_factory=dict, hash=False)

    @property
    def preload(self):
        """What an ordinary program needs: nothing for glibc, whose malloc it has anyway."""
        return "" if self.name == "glibc" else self.library


def loader_cache():
    """soname -> path, as the dynamic loader finds it; the first line of a soname is this machine's own word size."""
    listing = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    found = {}
    for line in listing.splitlines():
        if " => " not in line:
            continue
        left, path = line.strip().split(" => ", 1)
        soname = left.split()[0]
        if "x86-64" in left or "AArch64" in left or soname not in found:
            found[soname] = path
    return found


def package_version(package):
    query = ["dpkg-query", "-W", "-f", "${Version}", package]
    out = subprocess.run(query, capture_output=True, text=True, check=False)
    return out.stdout.strip() if out.returncode == 0 else "unknown"


def find_all(kmem_library, say):
    """Every peer that is installed, and kmem if it was built; says what is missing and how to get it."""
    cache = loader_cache()
    allocators = []
    for name, soname, package, colour in PEERS:
        if soname in cache:
            allocators.append(Allocator(name, cache[soname], package_version(package), colour))
        else:
            say(f"skipped {name}: {soname} is not installed (apt-get install {package})")
    if os.path.exists(kmem_library):
        kmem = os.path.abspath(kmem_library)
        allocators.append(Allocator("kmem", kmem, "this tree", KMEM_COLOUR))
        allocators.append(Allocator("kmem without rseq", kmem, "this tree", WITHOUT_RSEQ_COLOUR, WITHOUT_RSEQ))
    else:
        say(f"skipped kmem: {os.path.relpath(kmem_library)} is not built (cmake --preset release && cmake --build --preset release)")
    return allocators


def added(texts):
    """Any other library, given as NAME=FILE."""
    allocators = []
    for number, text in enumerate(texts):
        name, equals, file = text.partition("=")
        if not name or not equals or not os.path.isfile(file):
            raise SystemExit(f"bench/peers/run: --add {text}: NAME=FILE, and the file must be there")
        colour = ADDED_COLOURS[number % len(ADDED_COLOURS)]
        allocators.append(Allocator(name, os.path.abspath(file), os.path.basename(os.path.realpath(file)), colour))
    return allocators


def is_in_force(allocator, patterns_binary):
    """Asks a process which library its malloc comes from; returns what is wrong, or nothing."""
    env = {**ENVIRONMENT, **allocator.env, "LD_PRELOAD": allocator.preload}
    done = subprocess.run([patterns_binary, "--who"], env=env, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        return f"a process with it ends with status {done.returncode}: {done.stderr.strip()[:200]}"
    used = os.path.realpath(done.stdout.strip())
    # tbbmalloc's proxy and others may hand the symbol on to a library beside them; the C library must not answer.
    expected = os.path.realpath(allocator.library)
    if allocator.name != "glibc" and os.path.basename(used).startswith(("libc.", "libc-")):
        return f"malloc still comes from {used}, not from {expected}"
    return None
