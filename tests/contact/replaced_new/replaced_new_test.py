#!/usr/bin/env python3
"""A program that replaces some forms of operator new and delete, and leaves the others to the library: each form replaced
alone, and each pair that programs replace, with each form used.  What comes to the program's own is compared with what
libstdc++ does on glibc: under a preloaded libkmem-malloc.so, linked with it, and linked with libkmem-malloc.a.

Usage: replaced_new_test.py BUILD CC CXX [UNITTEST-ARGUMENT ...]
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

if sys.argv[1:2] in (["-h"], ["--help"]):
    print(__doc__.strip())
    sys.exit(0)

BUILD, CC, CXX = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
HERE = pathlib.Path(__file__).resolve().parent
PRELOAD = BUILD / "libkmem-malloc.so"
LINKED = {"linked": [PRELOAD, f"-Wl,-rpath,{BUILD}"], "static": [BUILD / "libkmem-malloc.a", "-pthread", "-ldl"]}
KINDS = ["new_", "new_array", "new_nothrow", "new_array_nothrow", "new_aligned", "new_array_aligned", "new_aligned_nothrow",
         "new_array_aligned_nothrow", "delete_", "delete_array", "delete_nothrow", "delete_array_nothrow", "delete_sized",
         "delete_array_sized", "delete_aligned", "delete_array_aligned", "delete_aligned_nothrow",
         "delete_array_aligned_nothrow", "delete_aligned_sized", "delete_array_aligned_sized"]
PAIRS = ["new_|delete_", "new_array|delete_array", "new_|delete_|delete_sized", "new_|new_array|delete_|delete_array",
         "new_aligned|delete_aligned", "new_nothrow|delete_nothrow", "0"]


class Replaced(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("KMEM", "LD_PRELOAD"))}

    def tool(self, *command):
        done = subprocess.run([str(word) for word in command], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr[:3000])

    def shown(self, program, **environment):
        done = subprocess.run([str(program)], env={**self.environment, **environment}, capture_output=True, text=True, timeout=600)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{program}: {done.stdout}")
        return done.stdout

    def compare(self, source, name, compiler, *flags, also=(), link=()):
        """On glibc, and then on kmem in each way."""
        # clang has sized delete only when asked.
        standard = ["-std=c++20", "-fsized-deallocation"] if source.endswith(".cc") else ["-std=gnu11"]
        self.tool(compiler, *standard, "-O1", "-w", "-fno-builtin", *flags, "-c", HERE / source, "-o", f"{name}.o")
        self.tool(compiler, *link, f"{name}.o", "-ldl", "-o", name)
        on_glibc = self.shown(self.folder / name)
        on_kmem = {"preloaded": self.shown(self.folder / name, LD_PRELOAD=str(PRELOAD))}
        for way, libraries in (*LINKED.items(), *also):
            self.tool(compiler, *link, f"{name}.o", *libraries, "-o", f"{name}_{way}")
            on_kmem[way] = self.shown(self.folder / f"{name}_{way}")
        return on_glibc, on_kmem

    def each(self, kinds):
        def one(number, replaced):
            return replaced, *self.compare("forms.cc", f"forms{number}", CXX, f"-DREPLACES=({replaced})")

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for replaced, on_glibc, on_kmem in pool.map(one, range(len(kinds)), kinds):
                for way, shown in on_kmem.items():
                    with self.subTest(replaced=replaced, way=way):
                        self.assertEqual(shown, on_glibc)
                self.assertEqual(replaced == "0", ": 1" not in on_glibc, "the program's own form is not even called on glibc")

    def test_each_form_alone(self):
        self.each(KINDS)

    def test_the_pairs_that_programs_replace(self):
        self.each(PAIRS)

    def test_functions_whose_address_is_in_the_program(self):
        # Such a program is not position independent: where it takes a function's address, that is the function's for all.
        for replaced in "0", "new_array|delete_array":
            on_glibc, on_kmem = self.compare("forms.cc", "addresses", CXX, f"-DREPLACES=({replaced})", "-DTAKES_ADDRESSES", "-fno-pie",
                                             link=["-no-pie"])
            self.assertEqual(set(on_kmem.values()), {on_glibc})

    def test_a_tracker_gets_every_block(self):
        fully = ("fully_static", ["-static", BUILD / "libkmem-malloc.a"])
        on_glibc, on_kmem = self.compare("tracker.cc", "tracker", CXX, also=[fully])
        self.assertTrue(on_glibc.startswith("0 bytes live, "), on_glibc)
        self.assertEqual(set(on_kmem.values()), {on_glibc})

    def test_an_interposed_realloc_gets_reallocarray(self):
        self.tool(CC, "-std=gnu11", "-O1", "-w", "-fno-builtin", HERE / "interposed.c", "-ldl", "-o", "interposed")
        self.tool(CC, "-std=gnu11", "-O1", "-w", "-fno-builtin", HERE / "interposed.c", *LINKED["linked"], "-ldl", "-o", "linked")
        on_glibc = self.shown(self.folder / "interposed").splitlines()
        self.assertEqual(on_glibc[0], "reallocarray: 2, overflow 0")
        for shown in self.shown(self.folder / "interposed", LD_PRELOAD=str(PRELOAD)), self.shown(self.folder / "linked"):
            self.assertEqual(shown.splitlines(), [on_glibc[0], "free of C23: 2"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=2)
