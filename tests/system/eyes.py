#!/usr/bin/env python3
"""Runs the program `eyes` on kmem's malloc and reads what the guard pages and the search for lost memory say of it.

  eyes.py ON.SH MALLOC PROGRAM
"""
import os
import re
import subprocess
import sys

if sys.argv[1:2] in (["-h"], ["--help"]):
    print(__doc__.strip())
    sys.exit(0)

LAUNCH = sys.argv[1:4]
bad = 0


def run(words, *arguments):
    done = subprocess.run(LAUNCH + list(arguments), capture_output=True, timeout=600, text=True,
                          env=os.environ | {"KMEM": words})
    return done.returncode, done.stderr


def expect(condition, what, text):
    global bad
    if not condition:
        bad += 1
        print(f"{what}:\n    " + text.strip().replace("\n", "\n    "))


def reports(name, pattern):
    """The mistake is reported so, and the program goes on to its end."""
    status, errors = run("kfence.sample_interval=1 slab_probation=0", name)
    expect(status == 0, f"{name}: exit status {status}", errors)
    expect(re.search(pattern, errors), f"{name}: no '{pattern}'", errors)
    expect(not pattern or errors.count("BUG: KFENCE") == 1, f"{name}: not one report", errors)


def main():
    reports("overrun", r"BUG: KFENCE: memory corruption in main\+")
    reports("beyond", r"BUG: KFENCE: out-of-bounds write in write_to\+.*\n.*\n.*Out-of-bounds write at 0x[0-9a-f]{16} "
            r"\(\d+B right of kfence-#\d+\)")
    reports("after_free", r"BUG: KFENCE: use-after-free write in write_to\+")
    reports("twice", r"BUG: KFENCE: invalid free in main\+")
    status, errors = run("kfence.sample_interval=1 slab_probation=0", "resize")
    expect(status == 0 and not errors, "resize", errors)

    status, errors = run("kmemleak=on leak_report=exit slab_probation=0", "lose")
    expect(status == 0, f"lose: exit status {status}", errors)
    expect(re.search(r"7 unreferenced objects, \d+ bytes, of cache malloc-112\n.*\n  backtrace:\n    \[<[0-9a-f]{16}>\] lose_seven\+",
                     errors), "lose: the seven", errors)
    expect("2 unreferenced objects, 9203712 bytes, of cache (large blocks)" in errors, "lose: the large ones", errors)
    expect(re.search(r"kmem: leaks: 9 blocks, \d+ bytes; in use: ", errors), "lose: how many", errors)

    status, errors = run("", "lose")
    expect(status == 0 and not errors, "lose, with nothing asked for", errors)
    print("all as it should be" if not bad else f"{bad} complaints")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
