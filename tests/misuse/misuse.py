#!/usr/bin/env python3
"""Makes every mistake that the program misuse knows, on kmem's malloc, and says which were caught.

Each case is a process of its own, in eight modes:

  cold       no boot word; the mistake is the first thing that the program does with blocks of that size
  warm       no boot word; thousands of blocks of the size have come and gone before
  1 cold     the boot word `hardened=1`, cold; `1 warm` the same, warm; `2 cold` to `3 warm` likewise

What counts:

  reported   malloc wrote a line with "kmem: BUG" to standard error
  stopped    the process was killed by SIGSEGV, SIGBUS or SIGABRT in the act
  harmless   neither, and the program itself found that nothing was harmed (what was read was not the contents)
  missed     neither of these; also a case that hangs, or one that damages what it should not

Caught is what was reported or stopped; nothing else is.

  misuse.py ON.SH MALLOC PROGRAM                         a summary; fails if fewer are caught than the floors below
  misuse.py ON.SH MALLOC PROGRAM --markdown docs/misuse.md   writes the table, too
  misuse.py ON.SH MALLOC PROGRAM --json FILE             the same as data
  misuse.py ON.SH MALLOC PROGRAM --only overflow         some cases, one line each
"""

import argparse
import collections
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

MODES = {
    "cold": ("cold", ""),
    "warm": ("warm", ""),
    "1 cold": ("cold", "hardened=1"),
    "1 warm": ("warm", "hardened=1"),
    "2 cold": ("cold", "hardened=2"),
    "2 warm": ("warm", "hardened=2"),
    "3 cold": ("cold", "hardened=3"),
    "3 warm": ("warm", "hardened=3"),
}
# Per cent that must be caught.  Hardened, the order is random, and some jumps land well.
FLOORS = {"cold": 67, "warm": 50, "1 cold": 80, "1 warm": 72, "2 cold": 85, "2 warm": 85, "3 cold": 85, "3 warm": 85}
STOPS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT)
HARMLESS = 10
PATIENCE = 300


def run_case(launch, number, mode):
    when, words = MODES[mode]
    environment = {k: v for k, v in os.environ.items() if k != "KMEM"} | ({"KMEM": words} if words else {})
    try:
        run = subprocess.run(launch + ["run", str(number), when], capture_output=True, timeout=PATIENCE, env=environment)
    except subprocess.TimeoutExpired:
        return "missed", "hangs"
    errors = run.stderr.decode(errors="replace")
    reports = [line for line in errors.splitlines() if line.startswith("kmem: BUG")]
    if reports:
        return "reported", reports[0]
    if run.returncode < 0 and -run.returncode in STOPS:
        return "stopped", signal.Signals(-run.returncode).name
    # ON.SH is a shell: it tells of a signal by its own exit status.
    if run.returncode > 128 and run.returncode - 128 in STOPS:
        return "stopped", signal.Signals(run.returncode - 128).name
    if run.returncode == HARMLESS:
        return "harmless", ""
    return "missed", "" if run.returncode == 0 else f"exit {run.returncode}"


def make_all(launch, cases):
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        futures = {(case[0], mode): pool.submit(run_case, launch, case[0], mode) for case in cases for mode in MODES}
        return {key: future.result() for key, future in futures.items()}


def describe(case):
    _, mistake, size, n = case
    text = mistake.replace("_", " ")
    if size:
        text += f", block of {size:,}"
    if mistake.startswith(("overflow", "underflow")):
        text += f", {n:,} byte{'s' if n != 1 else ''}"
    elif mistake in ("double_free", "write_after_free"):
        text += f", after {n} other frees"
    elif mistake.endswith("inside"):
        text += f", at {'+' + str(n) if n > 0 else 'its middle'}"
    elif mistake == "delete_with_another_size":
        text += f", {n:+d}"
    elif n:
        text += f" {n:#x}"
    return text


def counts(cases, results, mode):
    return collections.Counter(results[case[0], mode][0] for case in cases)


def caught(count):
    return count["reported"] + count["stopped"]


def markdown(cases, results):
    lines = ["| | " + " | ".join(MODES) + " |", "|---" * (len(MODES) + 1) + "|"]
    for kind in ("reported", "stopped", "harmless", "missed"):
        lines.append(f"| {kind} | " + " | ".join(str(counts(cases, results, mode)[kind]) for mode in MODES) + " |")
    lines.append(f"| **caught of {len(cases)}** | " + " | ".join(f"**{caught(counts(cases, results, mode))}**" for mode in MODES) + " |")
    lines += ["", "| mistake | " + " | ".join(MODES) + " |", "|---" * (len(MODES) + 1) + "|"]
    for case in cases:
        lines.append(f"| {describe(case)} | " + " | ".join(results[case[0], mode][0] for mode in MODES) + " |")
    return "\n".join(lines) + "\n"


def write_markdown(path, text):
    """Replaces what stands between the two marks of the page."""
    begin, end = "<!-- table: begin -->\n", "<!-- table: end -->\n"
    with open(path) as file:
        page = file.read()
    before, rest = page.split(begin)
    after = rest.split(end)[1]
    with open(path, "w") as file:
        file.write(before + begin + text + end + after)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, what in (("on", "tests/system/on.sh"), ("malloc", "what on.sh is told: kmem"), ("program", "the program of misuse.cc")):
        parser.add_argument(name, help=what)
    parser.add_argument("--markdown", help="the page whose table is renewed")
    parser.add_argument("--json", help="where the results go as data")
    parser.add_argument("--only", help="cases whose name contains this, one line each")
    options = parser.parse_args()
    listed = subprocess.run([options.program, "list"], capture_output=True, text=True, check=True).stdout.split("\n")
    cases = [(int(a), b, int(c), int(d)) for a, b, c, d in (line.split() for line in listed if line)]
    if options.only:
        cases = [case for case in cases if options.only in case[1]]
    results = make_all([options.on, options.malloc, options.program], cases)
    if options.only:
        for case in cases:
            print(describe(case) + ": " + "; ".join(f"{mode} {' '.join(results[case[0], mode])}" for mode in MODES))
        return 0
    if options.markdown:
        write_markdown(options.markdown, markdown(cases, results))
    if options.json:
        rows = [{"case": describe(case)} | {mode: results[case[0], mode][0] for mode in MODES} for case in cases]
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)
    bad = 0
    for mode in MODES:
        count = counts(cases, results, mode)
        per_cent = 100 * caught(count) / len(cases)
        bad += per_cent < FLOORS[mode]
        print(f"{mode}: caught {caught(count)} of {len(cases)} ({per_cent:.0f} %): "
              + ", ".join(f"{count[kind]} {kind}" for kind in ("reported", "stopped", "harmless", "missed")))
        odd = [describe(case) + ": " + results[case[0], mode][1] for case in cases if results[case[0], mode][0] == "missed" and results[case[0], mode][1]]
        if odd:
            bad += 1
            print("  " + "\n  ".join(odd))
    if bad:
        print("fewer are caught than must be, or a mistake did more than it should")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
