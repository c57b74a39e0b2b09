#!/usr/bin/env python3
"""Runs a program in a cgroup of its own that may have little memory.

Exit status: the program's; 77 where no such group can be made here (no root, no cgroup file system, no delegation).

Example:
  in_cgroup.py 64M ./memory_limit 56
"""
import argparse
import os
import re
import subprocess
import sys

SKIP = 77


def skip(why):
    print(f"SKIP: no cgroup with a memory limit can be made here: {why}")
    sys.exit(SKIP)


def own_group(text, controller):
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if (controller is None and not controllers) or (controller and controller in controllers.split(",")):
            return path
    return None


def candidates():
    """Folders below which a group may be made, with the name of the file that takes the limit."""
    with open("/proc/self/cgroup", encoding="ascii") as f:
        text = f.read()
    for mount, controller, limit in (("/sys/fs/cgroup", None, "memory.max"),
                                     ("/sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes")):
        path = own_group(text, controller)
        if path is None:
            continue
        for folder in (mount + path, mount):
            if os.path.exists(os.path.join(folder, "cgroup.procs")):
                yield folder.rstrip("/"), limit


def make_group(limit_bytes):
    why = "no cgroup file system"
    for folder, limit in candidates():
        group = f"{folder}/kmem-test-{os.getpid()}"
        try:
            os.mkdir(group)
        except OSError as error:
            why = str(error)
            continue
        try:
            with open(f"{group}/{limit}", "w", encoding="ascii") as f:
                f.write(str(limit_bytes))
            with open(f"{group}/{limit}", encoding="ascii") as f:
                if int(f.read()) <= limit_bytes:
                    return group
            why = f"{group}/{limit} takes no limit"
        except (OSError, ValueError) as error:
            why = str(error)
        os.rmdir(group)
    return skip(why)


def bytes_of(text):
    match = re.fullmatch(r"(\d+)([KMG]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is no size")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("limit", type=bytes_of)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    group = make_group(arguments.limit)

    def enter():
        with open(f"{group}/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))

    try:
        status = subprocess.run(arguments.command, preexec_fn=enter, check=False).returncode
    except subprocess.SubprocessError as error:
        os.rmdir(group)
        skip(f"a process cannot enter {group}: {error}")
    os.rmdir(group)
    if status < 0:
        print(f"the program was killed by signal {-status}")
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
