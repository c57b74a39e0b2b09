#!/usr/bin/env python3
"""Runs the program bad_input with every mistake it knows, on kmem's malloc.

For each: the program must end with 0 (no crash, no hang, a good heap), and standard error must carry a report, a line
that begins with "kmem:" or contains "BUG", and name the bad pointer.

A second free of a small object that comes after other frees is beyond what 25 instructions can see: those cases run with
the boot word slub_debug=F, which looks at every object (docs/decisions/double-frees.md).

  bad_input.py ON.SH MALLOC PROGRAM
"""

import os
import re
import resource
import subprocess
import sys

if sys.argv[1:2] in (["-h"], ["--help"]):
    print(__doc__.strip())
    sys.exit(0)

SIZES = (16, 64, 100, 1000, 5000, 40000, 300000, 3000000)
FOR_EVERY_SIZE = (
    "double_free_at_once",
    "double_free_after_1",
    "double_free_after_200",
    "double_free_after_20000",
    "double_free_by_another_thread",
    "free_plus_1",
    "free_plus_8",
    "free_in_the_middle",
    "free_last_byte",
    "realloc_freed",
    "realloc_middle",
    "free_aligned_with_more_than_it_has",
    "free_aligned_with_an_alignment_that_it_has_not",
)
FOR_ONE_SIZE = (
    "free_stack",
    "free_static",
    "free_code",
    "free_mapping",
    "free_unmapped",
    "free_small_number",
    "free_impossible_address",
    "free_beyond_the_heap",
    "realloc_stack",
    "realloc_static_to_zero",
)
# Under a small address space the heap lies elsewhere, and foreign memory close to it.
IN_LITTLE_SPACE = ("nothing", "free_stack", "free_static", "free_mapping", "free_unmapped", "free_beyond_the_heap")
SPACES_MIB = (64, 128, 256)
SILENT = ("nothing", "free_aligned_as_it_was_asked_for", "usable_size_of_bad_pointers")  # no report is asked for
MOST_REPORTS = 200  # of 10,000 mistakes
PATIENCE = 300  # seconds; a mistake takes milliseconds


def cases():
    for size in SIZES:
        for mistake in FOR_EVERY_SIZE:
            yield mistake, size, None
        if size > 16:
            yield "free_plus_16", size, None
        if size > 5000:
            yield "free_second_page", size, None
    for mistake in FOR_ONE_SIZE + SILENT + ("thousands_of_mistakes",):
        yield mistake, 64, None
    for mistake in IN_LITTLE_SPACE:
        for mib in SPACES_MIB:
            yield mistake, 64, mib


# Another thread's may lie on another CPU.
LATE_DOUBLE_FREES = (
    "double_free_after_1",
    "double_free_after_200",
    "double_free_after_20000",
    "double_free_by_another_thread",
)
LARGEST_OBJECT = 32768


def environment(mistake, size):
    late = mistake in LATE_DOUBLE_FREES and size <= LARGEST_OBJECT
    return os.environ | ({"KMEM": "slub_debug=F"} if late else {})


def limit(mib):
    """For a child before it executes: what it may have of address space."""
    if mib is None:
        return None
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))


def reports(errors):
    return [line for line in errors.splitlines() if line.startswith("kmem:") or "BUG" in line]


def names(errors, pointer):
    """Whether the pointer stands anywhere in the report, in hexadecimal, with or without 0x and leading zeros."""
    return re.search(r"(?<![0-9a-f])0*" + pointer.removeprefix("0x") + r"(?![0-9a-f])", errors.lower()) is not None


def complaints(mistake, run):
    """What is wrong with how a run ended; nothing, if it is good."""
    errors = run.stderr.decode(errors="replace")
    if run.returncode < 0:
        yield f"died of signal {-run.returncode}"
    elif run.returncode != 0:
        yield f"exit status {run.returncode}"
    found = reports(errors)
    heads = [line for line in found if "BUG" in line]  # the lines after it are its call trace
    if mistake == "thousands_of_mistakes" and len(heads) > MOST_REPORTS:
        yield f"{len(heads)} reports: they are not rate-limited"
    if mistake in SILENT:
        return
    if not found:
        yield "no report"
        return
    pointers = re.findall(r"pointer (0x[0-9a-f]+)", run.stdout.decode())
    if mistake != "thousands_of_mistakes" and pointers and not names(errors, pointers[0]):
        yield f"the report does not name {pointers[0]}"


def main():
    launch = sys.argv[1:4]
    nr_cases = nr_bad = 0
    for mistake, size, mib in cases():
        nr_cases += 1
        try:
            run = subprocess.run(launch + [mistake, str(size)], capture_output=True, timeout=PATIENCE,
                                 env=environment(mistake, size), preexec_fn=limit(mib))
        except subprocess.TimeoutExpired:
            wrong, errors = [f"did not end within {PATIENCE} s"], b""
        else:
            wrong, errors = list(complaints(mistake, run)), run.stderr
        if wrong:
            nr_bad += 1
            where = f", in {mib} MiB of address space" if mib else ""
            print(f"{mistake} {size}{where}: {'; '.join(wrong)}")
            print("    " + errors.decode(errors="replace")[:600].strip().replace("\n", "\n    "))
    print(f"{nr_cases} mistakes, {nr_bad} not borne as they should be")
    return 1 if nr_bad else 0


if __name__ == "__main__":
    sys.exit(main())
