#!/usr/bin/env python3
"""Holds the steps on per-CPU variables to their golden numbers: the instructions of one call in a program, without the
return, of which none is locked and none a call.  The way is straight: the one jump leads off it.

Example:
  percpu_steps.py --compiler gcc --include include
  ... --list    prints the instructions
"""
import argparse
import platform
import re
import subprocess
import sys
import tempfile

# By operation, on a static long: in a program, and in a shared object, which takes its announcement back and reaches what
# is not its own through the global offset table.
GOLDEN = {
    "inc": (11, 13),
    "add": (11, 13),
    "read": (11, 13),
    "write": (11, 13),
    "add_return": (14, 16),
    "xchg": (13, 15),
    "cmpxchg": (15, 17),
}
SOURCE = """
#include <linux/percpu.h>
static DEFINE_PER_CPU(long, v);
void step_inc(void); void step_inc(void) { this_cpu_inc(v); }
void step_add(long n); void step_add(long n) { this_cpu_add(v, n); }
long step_read(void); long step_read(void) { return this_cpu_read(v); }
void step_write(long n); void step_write(long n) { this_cpu_write(v, n); }
long step_add_return(long n); long step_add_return(long n) { return this_cpu_add_return(v, n); }
long step_xchg(long n); long step_xchg(long n) { return this_cpu_xchg(v, n); }
long step_cmpxchg(long a, long b); long step_cmpxchg(long a, long b) { return this_cpu_cmpxchg(v, a, b); }
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def compiled(arguments, flag):
    """{operation: instructions}"""
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/a.c", "w") as file:
            file.write(SOURCE)
        subprocess.run([arguments.compiler, "-O2", flag, "-I", arguments.include, "-c", f"{folder}/a.c", "-o", f"{folder}/a.o"],
                       check=True)
        text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", f"{folder}/a.o"], check=True, capture_output=True,
                              text=True).stdout
    steps = {}
    for name, body in re.findall(r"<step_(\w+)>:\n((?:.+\n)+)", text):
        instructions = [line.split("\t", 1)[1].strip() for line in body.splitlines() if "\t" in line]
        steps.setdefault(name, instructions[:next(i for i, each in enumerate(instructions) if each.startswith("ret"))])
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="gcc")
    parser.add_argument("--include", required=True, help="the folder of <linux/percpu.h>")
    parser.add_argument("--list", action="store_true", help="print the instructions")
    arguments = parser.parse_args()
    version = subprocess.run([arguments.compiler, "-v"], capture_output=True, text=True).stderr
    if platform.machine() != "x86_64" or "gcc version 12" not in version:
        skip("the golden numbers are those of gcc 12 for x86-64")
    wrong = []
    for kind, flag in enumerate(("-fPIE", "-fPIC")):
        for name, instructions in compiled(arguments, flag).items():
            print(f"{name:12}{flag:7}{len(instructions):3}")
            if arguments.list:
                print(*(f"    {each}" for each in instructions), sep="\n")
            if len(instructions) != GOLDEN[name][kind]:
                wrong.append(f"{name} {flag}: {len(instructions)} instructions, golden {GOLDEN[name][kind]}")
            wrong += [f"{name} {flag}: {each}" for each in instructions if re.match(r"lock|call|xchg", each)]
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
