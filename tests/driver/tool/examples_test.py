#!/usr/bin/env python3
"""The drivers of examples/, by the tool and as modules of Linux: examples_test.py KMEM SOURCE_FOLDER CC [unittest's options]"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

if sys.argv[1:2] in (["-h"], ["--help"]):
    print(__doc__.strip())
    sys.exit(0)

KMEM, SOURCE, CC = sys.argv[1:4]
EXAMPLES = os.path.join(SOURCE, "examples")
BAD_INPUT = os.path.join(SOURCE, "tests/driver/tool/bad_input.py")
SECONDS = os.environ.get("KMEM_BAD_INPUT_SECONDS", "2")  # how long bad input comes
PATIENCE = 600
TROUBLE = ("DMA-API", "WARNING", "BUG", "is missing", "nobody cared")


class Example(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("KMEM", "LD_PRELOAD"))}
        self.environment["CC"] = CC

    def call(self, *words):
        return subprocess.run(words, capture_output=True, text=True, cwd=self.folder, timeout=PATIENCE, env=self.environment)

    def succeeds(self, *words):
        done = self.call(*words)
        if "seccomp user notification" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def build(self, source, *options):
        self.succeeds(KMEM, "driver", "build", os.path.join(EXAMPLES, source), "-Wall", "-Werror", *options)

    def quietly(self, *words):
        done = self.succeeds(KMEM, "driver", *words)
        for word in TROUBLE:
            self.assertNotIn(word, done.stdout + done.stderr)
        return done


class Edu(Example):
    MODULES = ("edu_simulation.kmo", "edu.kmo")

    def setUp(self):
        super().setUp()
        self.build("edu/edu.c")
        self.build("edu/edu_simulation.c")
        self.succeeds(CC, os.path.join(EXAMPLES, "edu/exercise.c"), "-o", "exercise")

    def test_a_program_uses_the_simulated_device(self):
        for modules in (self.MODULES, self.MODULES[::-1]):
            done = self.quietly("run", *modules, "--", "./exercise")
            self.assertIn("edu: all as it should be", done.stdout)

    def test_bad_input_does_no_harm(self):
        for test in ("ioctls", "transfers", "killed"):
            with self.subTest(test):
                self.quietly("run", *self.MODULES, "--", sys.executable, BAD_INPUT, test, "/dev/edu", SECONDS)

    def test_its_attributes_are_shown(self):
        done = self.quietly("run", *self.MODULES, "--", "cat", "/sys/devices/pci0000:00/0000:00:03.0/identification",
                            "/sys/devices/pci0000:00/0000:00:03.0/device")
        self.assertEqual(done.stdout, "0x010000ed\n0x11e8\n")

    def test_nothing_is_lost_by_loading_and_unloading(self):
        self.quietly("reload", "--times", "50", *self.MODULES)

    def test_each_allocation_fails_once(self):
        done = self.call(KMEM, "driver", "run", "--fail-nth", *self.MODULES, "--", "./exercise")
        if "seccomp user notification" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Scull(Example):
    def setUp(self):
        super().setUp()
        self.build("scull/scull.c")

    def test_files_are_copied_through_each_kind(self):
        with open(os.path.join(self.folder, "from"), "wb") as f:
            f.write(bytes(i * i >> 7 & 255 for i in range(50000)))
        for kind in ("slab", "pages", "vmalloc"):
            device = f"/dev/scull_{kind}"
            self.quietly("run", "scull.kmo", "block_size=1000", "--", "sh", "-ec",
                         f"cp from {device}; cp {device} to; cmp from to; "
                         f"echo short > {device}; [ $(cat {device}) = short ]; [ $(cat /dev/scull_percpu) = 50006 ]")

    def test_bad_input_does_no_harm(self):
        for kind in ("slab", "pages", "vmalloc", "percpu"):
            for test in ("ioctls", "transfers", "killed"):
                with self.subTest(kind=kind, test=test):
                    self.quietly("run", "scull.kmo", "block_size=1000", "--", sys.executable, BAD_INPUT, test, f"/dev/scull_{kind}",
                                 str(float(SECONDS) / 4))

    def test_it_stays_while_one_of_its_files_is_open(self):
        self.environment["XDG_RUNTIME_DIR"] = self.folder
        self.succeeds(KMEM, "driver", "start", "scull.kmo")
        self.addCleanup(self.call, KMEM, "driver", "stop")
        holder = subprocess.Popen([KMEM, "driver", "run", "--on", "driver", "--", "sh", "-c", "exec 3> /dev/scull_slab; echo; read line"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment)
        holder.stdout.readline()
        refused = self.call(KMEM, "driver", "stop")
        self.assertEqual(refused.returncode, 125, refused.stderr)
        self.assertIn("1 files are open", refused.stderr)
        holder.communicate(b"\n", timeout=PATIENCE)
        self.succeeds(KMEM, "driver", "stop")

    def test_each_allocation_fails_once(self):
        self.quietly("run", "--fail-nth", "scull.kmo", "--", "sh", "-c",
                     "for d in slab pages vmalloc; do echo text > /dev/scull_$d; cat /dev/scull_$d; done; true")


class Linux(Example):
    """As modules of Linux, without a warning."""

    def test_the_drivers_are_modules_of_linux(self):
        trees = sorted(glob.glob("/usr/src/linux-headers-*-amd64") + glob.glob("/lib/modules/*/build"))
        trees = [tree for tree in trees if os.path.exists(os.path.join(tree, "Makefile"))]
        if not trees or not shutil.which("make"):
            self.skipTest("no headers of Linux are installed (linux-headers-amd64), or make is missing")
        for name in ("edu/edu.c", "edu/edu.h", "scull/scull.c"):
            shutil.copy(os.path.join(EXAMPLES, name), self.folder)
        with open(os.path.join(self.folder, "Makefile"), "w") as f:
            f.write("obj-m := edu.o scull.o\n")
        done = self.call("make", "-s", "-C", trees[-1], f"M={self.folder}", "W=1", "modules")
        if done.returncode and "not found" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("warning:", done.stdout + done.stderr)
        for module in ("edu.ko", "scull.ko"):
            self.assertTrue(os.path.exists(os.path.join(self.folder, module)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
