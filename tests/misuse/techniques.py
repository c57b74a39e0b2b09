#!/usr/bin/env python3
"""Tries the exploit techniques of techniques.cc at each level of `hardened=`, and measures how predictable addresses are.

  techniques.py ON.SH MALLOC PROGRAM               each technique 20 times at each level; fails if one that must not work does
  techniques.py ON.SH MALLOC PROGRAM --markdown docs/hardening.md      writes the table, too
  techniques.py ON.SH MALLOC PROGRAM --entropy 10000                   only addresses, over so many starts of the program
"""
import argparse
import collections
import math
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

LEVELS = {"none": "", "1": "hardened=1", "2": "hardened=2", "3": "hardened=3"}
RUNS = 20
# What works at all: without a level nothing is promised beyond what needs no check.
MAY_WORK = {"none": {"double_free_between", "reuse_at_once", "reuse_by_spraying", "reuse_across_sizes", "neighbour_at_once"},
            "1": {"reuse_by_spraying", "reuse_across_sizes"}, "2": set(), "3": set()}
# Some succeed by chance now and then.
MOST = RUNS // 4
STOPS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT)


def start(launch, arguments, words):
    environment = {k: v for k, v in os.environ.items() if k != "KMEM"} | ({"KMEM": words} if words else {})
    ended = subprocess.run(launch + arguments, capture_output=True, text=True, errors="replace", timeout=600, env=environment)
    status = 128 - ended.returncode if ended.returncode > 128 else ended.returncode
    return status, ended.stdout, ended.stderr


def outcome(launch, name, words):
    status, _, errors = start(launch, ["run", name], words)
    if status == 0:
        return "works"
    if "kmem: BUG" in errors:
        return "reported"
    return "stopped" if -status in STOPS else "fails" if status == 10 else f"ends with {status}"


def try_all(launch, names):
    """{name: {level: counted outcomes}}"""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = {(name, level): [pool.submit(outcome, launch, name, words) for _ in range(RUNS)]
                 for name in names for level, words in LEVELS.items()}
        return {name: {level: collections.Counter(one.result() for one in tried[name, level]) for level in LEVELS}
                for name in names}


def complaints(results):
    for name, levels in results.items():
        for level, counted in levels.items():
            if counted["works"] > MOST and name not in MAY_WORK[level]:
                yield f"{name} works at level {level} in {counted['works']} of {RUNS} runs"
            for odd in counted.keys() - {"works", "reported", "stopped", "fails"}:
                yield f"{name} at level {level} {odd}"


def cell(counted):
    return ", ".join(kind if n == RUNS else f"{kind} {n} of {RUNS}" for kind, n in counted.most_common() if n)


def table(results):
    lines = ["| technique | " + " | ".join(LEVELS) + " |", "|---" * (len(LEVELS) + 1) + "|"]
    for name, levels in results.items():
        lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(cell(levels[level]) for level in LEVELS) + " |")
    return "\n".join(lines) + "\n"


def write_markdown(path, text):
    begin, end = "<!-- techniques: begin -->\n", "<!-- techniques: end -->\n"
    with open(path) as file:
        before, rest = file.read().split(begin)
    with open(path, "w") as file:
        file.write(before + begin + text + end + rest.split(end)[1])


def spread(numbers):
    """Of what was seen: the share of the most frequent, and the entropy in bits, which few starts underestimate."""
    counted, n = collections.Counter(numbers), len(numbers)
    bits = -sum(times / n * math.log2(times / n) for times in counted.values())
    return counted.most_common(1)[0], len(counted), bits


def show_entropy(launch, starts):
    for what in ("distance", "again"):
        for level, words in LEVELS.items():
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                numbers = list(pool.map(lambda _: int(start(launch, [what, "64"], words)[1]), range(starts)))
            (most, times), kinds, bits = spread(numbers)
            never = sum(number == 1000 for number in numbers) if what == "again" else 0
            print(f"{what} of 64 bytes, level {level}: {starts} starts, {kinds} values, {bits:.1f} bits, most frequent {most} "
                  f"({100 * times / starts:.1f} %)" + (f", not within 1000: {100 * never / starts:.0f} %" if never else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("on", help="tests/system/on.sh")
    parser.add_argument("malloc", help="what on.sh is told: kmem")
    parser.add_argument("program", help="the program of techniques.cc")
    parser.add_argument("--markdown", help="the page whose table is renewed")
    parser.add_argument("--entropy", type=int, metavar="STARTS", help="measure addresses only")
    options = parser.parse_args()
    launch = [options.on, options.malloc, options.program]
    if options.entropy:
        return show_entropy(launch, options.entropy)
    names = subprocess.run([options.program, "list"], capture_output=True, text=True, check=True).stdout.split()
    results = try_all(launch, names)
    print(table(results), end="")
    if options.markdown:
        write_markdown(options.markdown, table(results))
    wrong = list(complaints(results))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
