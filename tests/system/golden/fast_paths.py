#!/usr/bin/env python3
"""Holds the fast paths to their golden numbers: the instructions that one call executes, by kind.

valgrind counts every instruction that 1,000 hot pairs of calls execute inside the library, objdump says what each of
them is.  All calls must have taken one and the same path, without any other function of the library, without a call,
without a locked instruction; malloc and free within 25 instructions; and the numbers must be those of
fast_paths.golden, no more and no fewer: a path that became shorter is news too.  docs/fast-paths.md explains each
instruction.  Bulk calls and pools, which loop or call others, are held to the sum over a pair of calls.

Example:
  fast_paths.py --program build/release/tests/system/golden/fast_paths --libraries build/release
  ... --renew   writes fast_paths.golden anew
  ... --list    prints the instructions of each path
"""
import argparse
import collections
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fast_paths.golden")
PAIRS = 1000
LIMIT = {"malloc": 25, "free": 25}
KINDS = ("load", "store", "rmw", "jump", "call", "lock")
MALLOC, KMEM = "libkmem-malloc.so", "libkmem.so"
# The face that the program runs, its library, and its two functions.
FACES = (
    ("malloc", MALLOC, ("malloc", "free")),
    ("aligned", MALLOC, ("aligned_alloc", "free")),
    ("kmalloc", KMEM, ("kmalloc", "kfree")),
    ("cache", KMEM, ("kmem_cache_alloc", "kmem_cache_free")),
    ("page", KMEM, ("alloc_pages", "__free_pages")),
)
# The face, its library, and what a pair of calls is named: all that ran in the library counts.
SUMS = (("bulk", KMEM, "32_in_bulk"), ("mempool", KMEM, "mempool_pair"), ("large", MALLOC, "malloc_pair_of_128k"))
# Pairs of malloc() and free() at the hardened levels, and the functions that their ways lead through.  Of these every
# instruction counts that nearly all pairs execute; what exchanges sheaves, once for many pairs, does not.
LEVELS = {"malloc_pair_at_1": "hardened=1", "malloc_pair_at_2": "hardened=2"}
WAY = re.compile(r"(^|::)(malloc|free|malloc_slowly|free_slowly|free_zeroed|open_zeroed)(\(|$)")
HEAD = """\
# Instructions that one call of each fast path executes, and what they are: memory read (without the return address),
# written, read and written by one instruction; jumps, taken or not; calls; locked instructions.
# 32_in_bulk: allocating and freeing 32 objects by one call each; mempool_pair: mempool_alloc() and mempool_free();
# malloc_pair_of_128k: malloc(131072) and free(), again and again;
# malloc_pair_at_1 and _2: malloc(64) and free() with hardened=1 and hardened=2.
# g++ 12, Release, x86-64.  Renewed by fast_paths.py --renew; docs/fast-paths.md says when.
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def executed(program, library, face, words=""):
    """{function: {address: times}} of everything in the library that the counted pairs executed."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "callgrind")
        command = ["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=counted",
                   "--dump-instr=yes", "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={out}",
                   program, library, face, str(PAIRS)]
        # No KMEM_... word of the caller's: `stats`, for one, switches the fast paths off.
        environment = {name: os.environ[name] for name in ("PATH", "KMEM_GOLDEN_CONSTRUCTOR") if name in os.environ}
        if words:
            environment["KMEM"] = words + " sanitize=0"  # the paths are to be those that they are without valgrind
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        if ended.returncode:
            sys.exit(f"{' '.join(command)}\nended with {ended.returncode}:\n{ended.stderr}")
        with open(out) as file:
            return self_costs(file, os.path.basename(library))


def self_costs(lines, library):
    """The self costs in a callgrind file; the line after a `calls=` is what the call cost, and not this function's."""
    costs = collections.defaultdict(collections.Counter)
    inside, function, called = False, "", False
    for line in lines:
        if line.startswith("ob="):
            inside = os.path.basename(line[3:].strip()).startswith(library)
        elif line.startswith("fn="):
            function = line[3:].strip().removeprefix("kmem_")  # the kernel's name, not the symbol's
        elif line.startswith("calls="):
            called = True
        elif line.startswith("0x"):
            if inside and not called:
                address, _, times = line.split()
                costs[function][int(address, 16)] += int(times)
            called = False
    return costs


def disassembly(library):
    """{address: instruction}"""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library], capture_output=True, text=True,
                          check=True).stdout
    found = re.findall(r"^ *([0-9a-f]+):\t(.+?)\s*(?:[#<].*)?$", text, re.MULTILINE)
    return {int(address, 16): instruction for address, instruction in found}


def kinds(instruction):
    """Which of KINDS an instruction is, as objdump writes it."""
    name, _, operands = instruction.partition(" ")
    if name == "lock":
        return {"lock", "rmw"}
    if name.startswith("call"):
        return {"call"}
    if name.startswith("j"):
        return {"jump"}
    last = re.split(r",(?![^(]*\))", operands.strip())[-1]
    if name.startswith(("lea", "nop")) or not is_memory(operands):
        return set()
    if name.startswith("xchg"):
        return {"lock", "rmw"}  # locked without saying so
    if not is_memory(last) or name.startswith(("cmp", "test")):
        return {"load"}
    return {"store"} if name.startswith("mov") else {"rmw"}


def is_memory(operand):
    return "(" in operand or "%fs:" in operand


def path_of(function, costs, code):
    """The instructions of the one path that all calls took."""
    if function not in costs:
        sys.exit(f"{function} was not executed, or has another name in the library")
    for address, times in sorted(costs[function].items()):
        if times != PAIRS:
            sys.exit(f"{function}: {code[address]} at {address:x} was executed {times} times in {PAIRS} calls: "
                     "not all of them took the same path")
    return [code[address] for address in sorted(costs[function])]


def count(path):
    counted = collections.Counter(kind for instruction in path for kind in kinds(instruction))
    return (len(path),) + tuple(counted[kind] for kind in KINDS)


def measure(arguments):
    """{function: path}"""
    paths = {}
    for face, name, functions in FACES:
        if face == "page" and os.path.exists("/sys/devices/system/node/node1"):
            print("alloc_pages and __free_pages are left out: with several nodes each call looks for the nearest")
            continue
        library = os.path.join(arguments.libraries, name)
        if not os.path.exists(library):
            sys.exit(f"{library} is missing: build the target kmem_product")
        costs = executed(arguments.program, library, face)
        others = sorted(set(costs) - set(functions))
        if others:
            sys.exit(f"{' and '.join(functions)} left the fast path: {', '.join(others)} ran as well")
        code = disassembly(library)
        paths.update({function: path_of(function, costs, code) for function in functions})
    return paths


def sum_of(costs, code):
    """What a pair of calls executed, whatever the functions: a row like those of count()."""
    counted = collections.Counter()
    for address, times in (place for addresses in costs.values() for place in addresses.items()):
        counted.update(dict.fromkeys(kinds(code[address]) | {"all"}, times))
    uneven = [kind for kind, times in counted.items() if times % PAIRS]
    if uneven:
        sys.exit(f"not all pairs took the same path: {', '.join(uneven)}")
    return tuple(counted[kind] // PAIRS for kind in ("all",) + KINDS)


def measure_sums(arguments):
    """{pair: numbers}"""
    return {pair: sum_of(executed(arguments.program, library, face), disassembly(library))
            for face, name, pair in SUMS for library in [os.path.join(arguments.libraries, name)]}


def common_of(costs, code):
    """What nearly every pair executed in the functions of WAY: a row like those of count()."""
    counted = collections.Counter()
    for function in filter(WAY.search, costs):
        for address, times in costs[function].items():
            counted.update(dict.fromkeys(kinds(code[address]) | {"all"}, round(times / PAIRS)))
    return tuple(counted[kind] for kind in ("all",) + KINDS)


def measure_levels(arguments):
    """{pair: numbers}"""
    library = os.path.join(arguments.libraries, MALLOC)
    return {pair: common_of(executed(arguments.program, library, "malloc", words), disassembly(library))
            for pair, words in LEVELS.items()}


def table(counts):
    rows = [("function", "instructions") + KINDS] + [(name,) + numbers for name, numbers in counts.items()]
    return "".join(f"{row[0]:18}{row[1]:>13}" + "".join(f"{cell:>7}" for cell in row[2:]) + "\n" for row in rows)


def read_golden():
    with open(GOLDEN) as file:
        rows = [line.split() for line in file if not line.startswith("#")]
    return {row[0]: tuple(map(int, row[1:])) for row in rows[1:]}


def broken_rules(counts):
    for name, numbers in counts.items():
        of = dict(zip(KINDS, numbers[1:]))
        if numbers[0] > LIMIT.get(name, numbers[0]):
            yield f"{name} takes {numbers[0]} instructions; {LIMIT[name]} are the limit"
        if (of["lock"] or of["call"]) and name not in {pair for _, _, pair in SUMS} | LEVELS.keys():
            yield f"{name} has {of['lock']} locked instructions and {of['call']} calls; a fast path has none"


def differences(counts, golden):
    for name, numbers in counts.items():
        if numbers != golden.get(name):
            yield f"{name}: now {numbers}, golden {golden.get(name)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the built fast_paths.cc")
    parser.add_argument("--libraries", required=True, help=f"the folder of {MALLOC} and {KMEM}")
    parser.add_argument("--compiler", default="GNU 12", help="what they were built with, such as 'GNU 12.2.0'")
    parser.add_argument("--build-type", default="Release")
    parser.add_argument("--renew", action="store_true", help="write the golden file instead of comparing with it")
    parser.add_argument("--list", action="store_true", help="print the instructions of each path")
    arguments = parser.parse_args()

    compiler, _, version = arguments.compiler.partition(" ")
    if compiler != "GNU" or arguments.build_type != "Release" or platform.machine() != "x86_64":
        skip("the golden numbers are those of g++'s release build for x86-64 (--preset release)")
    for tool in ("valgrind", "objdump"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed (apt-get install valgrind binutils)")

    paths = measure(arguments)
    counts = {name: count(path) for name, path in paths.items()} | measure_sums(arguments) | measure_levels(arguments)
    if arguments.list:
        for name, path in paths.items():
            print(f"{name}:", *path, sep="\n  ")
    print(table(counts), end="")
    wrong = list(broken_rules(counts))
    if arguments.renew and not wrong:
        with open(GOLDEN, "w") as file:
            file.write(HEAD + table(counts))
    elif version.split(".")[0] != "12":
        print(f"g++ {version}: held to the rules, not to the numbers of g++ 12")
    else:
        wrong += differences(counts, read_golden())
    if wrong:
        print("(instructions, " + ", ".join(KINDS) + ")", *wrong, sep="\n", file=sys.stderr)
        print("If this is what you want: fast_paths.py --renew with the same arguments, and bring docs/fast-paths.md up "
              "to date.\n  " + shlex.join([*sys.argv, "--renew"]), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
