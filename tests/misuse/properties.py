#!/usr/bin/env python3
"""Each property of the hardened mode, and of the words that it is made of: the exact report, and what happens after.

  properties.py ON.SH MALLOC PROGRAM      PROGRAM is tests/misuse/misuse.cc; fails where a property does not hold
"""

import os
import re
import subprocess
import sys

if sys.argv[1:2] in (["-h"], ["--help"]):
    print(__doc__.strip())
    sys.exit(0)

P = r"(?:0x)?[0-9a-f]{16}"
Q = P.replace("{", "{{").replace("}", "}}")  # for what goes through format()
SLAB = r"kmem: BUG {cache} \(Not tainted\): {what}\n"
FOUND = Q + "-" + Q + r" @offset={offset}\. First byte 0x16 instead of 0x[0-9a-f]+, found {when}\n"
FIX = r"kmem: FIX {cache}: {what}"
GOES_ON, HARMLESS, KILLED = 0, 10, -11


def overwritten(cache, zone, offset, when):
    return [SLAB.format(cache=cache, what=zone + " overwritten"), FOUND.format(offset=offset, when=when),
            FIX.format(cache=cache, what="Restoring " + zone)]


# (mistake, size, n), boot words, how it ends, what is reported
PROPERTIES = (
    (("overflow_write", 24, 1), "hardened=3", None, overwritten("malloc-32", "Right Redzone", 24, "when it was freed")),
    (("underflow_write", 1000, 1), "hardened=3", None, overwritten("malloc-1024", "Left Redzone", -1, "when it was freed")),
    (("overflow_of_a_block_that_stays", 24, 1), "hardened=3", GOES_ON, overwritten("malloc-32", "Right Redzone", 24, "when it was looked at")),
    (("write_after_free", 1000, 0), "hardened=3", GOES_ON, overwritten("malloc-1024", "Poison", 500, "when it was looked at")),
    (("write_after_free", 1000, 20), "hardened=3 slab_quarantine=32K", GOES_ON, overwritten("malloc-1024", "Poison", 500, "after it was freed")),
    (("double_free", 1000, 20), "hardened=3", GOES_ON,
     [SLAB.format(cache="malloc-1024", what="Object already free"), FIX.format(cache="malloc-1024", what="Object at " + P + " not freed")]),
    (("double_free", 100000, 20), "hardened=3", GOES_ON, [r"kmem: BUG: free of " + P + ", in a page that is free: a double free\\?\n"]),
    (("free_inside", 64, 16), "hardened=3", GOES_ON, [r"kmem: BUG: free of " + P + ", which is not the start of an object of cache malloc-64\n"]),
    (("overflow_write", 100000, 1), "hardened=3", KILLED, []),
    (("write_after_free", 100000, 20), "hardened=3", KILLED, []),
    (("read_after_free", 5000000, 0), "hardened=3", KILLED, []),
    (("read_after_free", 24, 0), "hardened=3", HARMLESS, []),
    (("delete_with_another_size", 1000, 40), "hardened=3", GOES_ON,
     [r"kmem: BUG: sized free of " + P + ": 1040 bytes are given back, 1000 were asked for\n"]),
    (("overflow_write", 24, 1), "slub_debug=Z,malloc-32", None, overwritten("malloc-32", "Right Redzone", 24, "when it was freed")),
    (("overflow_write", 24, 1), "slub_debug=FZPU", None,
     overwritten("malloc-32", "Right Redzone", 24, "when it was freed") + [r"kmem: Allocated in .* age=\d+ us cpu=\d+ pid=\d+\n"]),
    (("overflow_write", 24, 1), "slub_debug=Z panic_on_warn", -6, [SLAB.format(cache="malloc-32", what="Right Redzone overwritten"), "panic_on_warn set"]),
    (("overflow_write", 24, 1), "", None, overwritten("checked-32", "Right Redzone", 24, "when it was freed")),
    (("overflow_write", 24, 1), "slab_probation=0", None, []),
    # Large blocks have a pattern behind them on any heap.
    (("overflow_jump", 100000, 2000), "slab_probation=0", None,
     [r"kmem: BUG: write past the end of " + P + ", a block of 100000 bytes, or in front of what follows it: byte 102000 is 0x16 instead of 0x"]),
    (("overflow_write", 100000, 1), "slab_probation=0", None,
     [r"kmem: BUG: write past the end of " + P + ", a block of 100000 bytes: byte 100000 is 0x16 instead of 0x"]),
    (("underflow_write", 100000, 8), "slab_probation=0", None,
     [r"kmem: BUG: write past the end of " + P + ", a block of 100000 bytes, or in front of what follows it: byte 102392 is 0x16 instead of 0x"]),
    (("overflow_write", 5000000, 1), "slab_probation=0", None,
     [r"kmem: BUG: write past the end of " + P + ", a block of 5000000 bytes: byte 5000000 is 0x16 instead of 0x00"]),
)


def run(launch, arguments, words):
    environment = {k: v for k, v in os.environ.items() if k != "KMEM"} | ({"KMEM": words} if words else {})
    ended = subprocess.run(launch + arguments, capture_output=True, timeout=600, env=environment)
    # A shell in between tells of a signal by 128 and its number.
    status = 128 - ended.returncode if ended.returncode > 128 else ended.returncode
    return status, ended.stderr.decode(errors="replace"), ended.stdout.decode()


def complaints(status, errors, ends, reports):
    if ends is not None and status != ends:
        yield f"ended with {status}, not {ends}"
    for report in reports:
        if not re.search(report, errors):
            yield f"no report like {report!r}"
    if not reports and "BUG" in errors:
        yield "a report where none belongs"


# Calls of the wrong family; these need kmem's own names, which the program of misuse does not have.
FAMILIES = '''
import ctypes
libc = ctypes.CDLL(None)
for f in (libc.malloc, libc.kmem_kmalloc): f.restype = ctypes.c_void_p
for f in (libc.free, libc.kmem_kfree): f.argtypes = [ctypes.c_void_p]
libc.kmem_kfree(libc.malloc(100))
libc.free(libc.kmem_kmalloc(100, 0x500))
'''


def families_complaints(launch):
    for words, wanted in (("hardened=3", True), ("slab_probation=0", False)):
        environment = {k: v for k, v in os.environ.items() if k != "KMEM"} | {"KMEM": words}
        ended = subprocess.run(launch + [os.path.realpath(sys.executable), "-S", "-c", FAMILIES], capture_output=True, text=True,
                               timeout=600, env=environment)
        said = ["kfree of " in ended.stderr and "which malloc gave: use free" in ended.stderr,
                "which kmalloc gave: use kfree" in ended.stderr]
        if said != [wanted, wanted] or ended.returncode:
            yield f"families with '{words}': ended with {ended.returncode}\n{ended.stderr[:1500]}"


def main():
    launch = sys.argv[1:4]
    listed = subprocess.run([launch[2], "list"], capture_output=True, text=True, check=True).stdout.split("\n")
    numbers = {(b, int(c), int(d)): a for a, b, c, d in (line.split() for line in listed if line)}
    bad = 0
    for case, words, ends, reports in PROPERTIES:
        status, errors, _ = run(launch, ["run", numbers[case], "cold"], words)
        for complaint in complaints(status, errors, ends, reports):
            bad += 1
            print(f"{case} with '{words}': {complaint}\n{errors[:1500]}")
    for complaint in families_complaints(launch[:2]):
        bad += 1
        print(complaint)
    in_row = {words: int(run(launch, ["order"], words)[2].split()[0]) for words in ("slab_probation=0", "hardened=3")}
    again = {words: int(run(launch, ["reuse"], words)[2].split()[2]) for words in ("slab_probation=0", "hardened=3")}
    print(f"blocks right behind the one before, of 200: {in_row}; an address comes again after so many: {again}")
    if in_row["slab_probation=0"] < 100 or in_row["hardened=3"] > 40:
        bad += 1
        print("the order of addresses is not what it should be")
    if again["slab_probation=0"] > 0 or again["hardened=3"] < 1000:
        bad += 1
        print("addresses do not come again as they should")
    print(f"{len(PROPERTIES) + 3} properties, {bad} complaints")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
