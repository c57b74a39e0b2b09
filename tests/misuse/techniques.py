#!/usr/bin/env python3
"""Tries the exploit techniques of techniques.cc at each level of `hardened=`, and measures how predictable addresses are.

  techniques.py ON.SH MALLOC PROGRAM               each technique 20 times at each level; fails if one that must not work does
  techniques.py ON.SH MALLOC PROGRAM --markdown docs/hardening.md      writes the table, too
  techniques.py ON.SH MALLOC PROGRAM --entropy 10000                   only addresses, over so many starts of the program;
                                                                         fails if they are more predictable than BOUNDS
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
# The order of blocks: the least bits of the distance and of the number of others before a block is given again; how many per cent
# are given again within 10, and within 1,000.  For 200 starts, which can show 7.6 bits.
BOUNDS = {"none": (0, 0, 100, 100), "1": (4, 4, 5, 100), "2": (5, 0, 0.5, 1), "3": (5, 0, 0.5, 1)}
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
    """Of what was seen: the most frequent, how many there are, and the entropy in bits, which few starts underestimate."""
    counted, n = collections.Counter(numbers), len(numbers)
    bits = sum(times / n * math.log2(n / times) for times in counted.values())
    return counted.most_common(1)[0], len(counted), bits


def order(launch, words):
    status, printed, errors = start(launch, ["order", "64"], words)
    if status or len(printed.split()) != 2:
        sys.exit(f"KMEM={words}: ends with {status}: {printed}{errors}")
    return tuple(int(number) for number in printed.split())


def share(numbers, most):
    return 100 * sum(number <= most for number in numbers) / len(numbers)


def measure_order(launch, starts):
    """Prints how predictable addresses are; yields what is more predictable than it may be."""
    print("| level | distance: values, bits, most frequent | again: values, bits, next, within 10, within 100, within 1,000 |")
    print("|---|---|---|")
    for level, words in LEVELS.items():
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            pairs = list(pool.map(lambda _: order(launch, words), range(starts)))
        distances, again = ([pair[i] for pair in pairs] for i in (0, 1))
        (_, times), kinds, bits = spread(distances)
        _, kinds_again, bits_again = spread(again)
        print(f"| {level} | {kinds}, {bits:.1f} bits, {100 * times / starts:.1f} % | {kinds_again}, {bits_again:.1f} bits, "
              + ", ".join(f"{share(again, most):.1f} %" for most in (0, 9, 99, 999)) + " |", flush=True)
        least, least_again, most_soon, most_at_all = BOUNDS[level]
        if bits < least or bits_again < least_again or share(again, 9) > most_soon or share(again, 999) > most_at_all:
            yield f"level {level}: addresses are more predictable than {BOUNDS[level]}"


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
        wrong = list(measure_order(launch, options.entropy))
        print(*wrong, sep="\n")
        return 1 if wrong else 0
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
