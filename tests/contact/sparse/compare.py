#!/usr/bin/env python3
"""Holds kmem's resident size in programs that touch little of what they ask for to glibc's: at most a tenth more.

What a process holds before it asks for anything is measured by the pattern `nothing` and left out on both sides."""
import argparse
import mmap
import os
import subprocess
import sys

SLACK_KIB = 300  # the first pages of tables that a program of one block does not have


def measure(program, library, name, told=None):
    """KiB resident at the end, and KiB touched. Appends to `told` which mappings it lies in."""
    environment = dict(os.environ)
    environment.pop("LD_PRELOAD", None)
    if library:
        environment["LD_PRELOAD"] = library
    out = subprocess.run([program, name] + ["mappings"] * (told is not None), env=environment, capture_output=True, text=True, timeout=600, check=False)
    if out.returncode:
        sys.exit(f"{name}: the program ended with {out.returncode}: {out.stdout}{out.stderr}")
    if told is not None:
        told.append(out.stderr)
    return [int(word) for word in out.stdout.split()]


def own_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))


def reads_take_memory():
    """Does this host give a page of its own to memory that was only read, where Linux maps the page of zeroes?

    kmem reads a block that it moves, to copy only what is not zero; glibc has the kernel move it."""
    size = 8 << 20
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    before = own_kib()
    for at in range(0, size, mmap.PAGESIZE):
        memory[at]  # pylint: disable=pointless-statement
    return own_kib() - before > size >> 11


def is_right(kmem, glibc):
    return kmem <= 1.1 * glibc + SLACK_KIB


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="patterns.c, built")
    parser.add_argument("library", help="libkmem-malloc.so")
    parser.add_argument("names", nargs="*", help="patterns; all unless told")
    chosen = parser.parse_args()
    program, library, names = chosen.program, chosen.library, chosen.names
    every = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout.split()
    floor = {which: min(measure(program, which, "nothing")[0] for _ in range(3)) for which in ("", library)}
    wrong = 0
    for name in names or every:
        glibc, touched = measure(program, "", name)
        told = []
        glibc -= floor[""]
        if name == "growing" and reads_take_memory():
            print(f"skip {name:28} this host's memory is no longer sparse when it is read", flush=True)
            continue
        # As the floor it is the least of three; each excess is shown, with where it lies.
        for _ in range(3):
            kmem = measure(program, library, name, told)[0] - floor[library]
            right = is_right(kmem, glibc)
            if right:
                break
            print(f"more {name:28} kmem {kmem} KiB beside glibc's {glibc}:\n{told[-1]}", flush=True)
        wrong += not right
        print(f"{'ok  ' if right else 'BAD '} {name:28} touched {touched:7} KiB  glibc {glibc:7}  kmem {kmem:7}", flush=True)
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
