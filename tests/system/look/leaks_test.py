#!/usr/bin/env python3
"""Lost blocks as kmem inspect, valgrind and LeakSanitizer count them: leaks_test.py KMEM LIBRARY LOOKED_AT STATIC LEAKY LEAKY_ASAN
[unittest's options].  LEAKY_ASAN may be empty.
With the variable KMEM_LOOK_ALL every program is looked at in every way; else each in one of the further ways."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from looking import *

LEAKY, LEAKY_ASAN = os.path.abspath(sys.argv[5]), sys.argv[6]
del sys.argv[5:7]
PROGRAMS = int(subprocess.run([LEAKY], capture_output=True, check=True, env=environment(False)).stdout)


def lost_in(target, *more):
    done = kmem("inspect", target, "leaks", "--json", *more, status=None)
    assert done.returncode in (0, 1), done.stderr
    return len(json.loads(done.stdout)["leaks"])


ALL = bool(os.environ.get("KMEM_LOOK_ALL"))


def each_program(*checker, more=None):
    """(number, blocks that it loses, what the checker says of it at its end)"""
    done = subprocess.run([*checker, "each"], capture_output=True, text=True, check=False, env={**environment(False), **(more or {})}, timeout=600)
    parts = re.split(r"program (\d+) lost (\d+)\n", done.stderr)
    assert len(parts) == 3 * PROGRAMS + 1, done.stderr[-2000:]
    return [(int(parts[i + 1]), int(parts[i + 2]), parts[i]) for i in range(0, 3 * PROGRAMS, 3)]


class Leaks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)

    def look(self, number, way):
        words = "slub_debug=U" if way.startswith("owners") else ""
        with self.subTest(number=number, way=way), Looked(str(number), program=LEAKY, words=words) as leaky:
            target = core_of(leaky, self.folder) if way == "core" else leaky.pid
            self.assertEqual(lost_in(target, *["--stop"] * way.endswith("stopped")), int(leaky.line[1]))
            if way == "core":
                os.unlink(target)

    def test_of_a_process_that_runs_that_is_stopped_and_of_its_core(self):
        further = ["stopped", "owners", "owners stopped"] + ["core"] * bool(shutil.which("gdb"))
        for number in range(PROGRAMS):
            self.look(number, "running")
            for way in further if ALL else [further[number % len(further)]]:
                self.look(number, way)

    @unittest.skipUnless(os.uname().machine == "x86_64", "the program puts a pointer into a register of x86-64")
    def test_a_register_of_a_stopped_thread_keeps_a_block(self):
        with Looked("register", program=LEAKY) as leaky:
            self.assertEqual(lost_in(leaky.pid, "--stop"), 0)
            self.assertEqual(lost_in(leaky.pid), 1)  # of a thread that runs nobody sees the registers

    def test_as_valgrind_counts_them(self):
        if not shutil.which("valgrind"):
            self.skipTest("there is no valgrind")
        for number, lost, said in each_program("valgrind", "--leak-check=full", "--show-leak-kinds=definite,indirect", LEAKY):
            counts = {kind: int(n.replace(",", "")) for kind, n in re.findall(r"(\w+) lost: [\d,]+ bytes in ([\d,]+) blocks", said)}
            definitely = counts.get("definitely", 0) + counts.get("indirectly", 0)
            # "Possibly" lost is what only a pointer into the middle leads to, or a word that looks like one.
            with self.subTest(number=number):
                self.assertLessEqual(definitely, lost, said)
                self.assertGreaterEqual(definitely + counts.get("possibly", 0), lost, said)

    def test_as_leaksanitizer_counts_them(self):
        if not os.path.exists(LEAKY_ASAN):
            self.skipTest("this compiler has no LeakSanitizer")
        for number, lost, said in each_program(LEAKY_ASAN, more={"ASAN_OPTIONS": "detect_leaks=1"}):
            if "LeakSanitizer has encountered a fatal error" in said:
                self.skipTest("LeakSanitizer does not work here")
            found = re.search(r"leaked in (\d+) allocation", said)
            with self.subTest(number=number):
                self.assertEqual(int(found[1]) if found else 0, lost, said)


if __name__ == "__main__":
    run_tests()
