#!/usr/bin/env python3
"""Other people's functions of the kernel's names, beside kmem: a library that has all of them for itself, linked before and
behind kmem's libraries, statically, opened late, and under a preloaded malloc.  Wherever a program includes kmem's headers
the names are kmem's; everywhere else they are the library's.

Usage: names_test.py ROOT BUILD CC CXX [UNITTEST-ARGUMENT ...]
"""
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

ROOT, BUILD, CC, CXX = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
HERE = pathlib.Path(__file__).resolve().parent
KMEM, MALLOC = str(BUILD / "libkmem.so"), str(BUILD / "libkmem-malloc.so")
# Of the plain names libkmem.so exports these two: docs/decisions/names.md.
PAIR = ("kmalloc", "kfree")
QUIET = ["-w", "-fno-builtin", "-D_GNU_SOURCE"]


def listed():
    lines = subprocess.run([ROOT / "tools/check/names", "--list", ROOT], check=True, capture_output=True, text=True).stdout
    return {line.split()[1]: line.split()[0] for line in lines.splitlines()}


def library_source(names):
    """Each name as a function of its own; lib_run() calls them all and counts the calls that went elsewhere."""
    names = list(names)
    functions = "".join(f"int {name}(void) {{ return {n}; }}\n" for n, name in enumerate(names, 1))
    calls = "".join(f"  wrong += {name}() != {n};\n" for n, name in enumerate(names, 1))
    return f"{functions}int lib_run(void) {{\n  int wrong = 0;\n{calls}  return wrong;\n}}\n"


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        names = listed()
        assert len(names) > 250, "the list of names is not what it was"
        headers = sorted(set(names.values()) | {"kmem/stats.h", "linux/mutex.h"})
        (cls.folder / "headers.h").write_text("".join(f"#include <{header}>\n" for header in headers))
        (cls.folder / "names.h").write_text("".join(f"X({name})\n" for name in names))
        (cls.folder / "all.c").write_text(library_source(names))
        (cls.folder / "others.c").write_text(library_source([name for name in names if name not in PAIR]))
        for name in "all", "others":
            cls.compile(f"lib{name}.so", f"{name}.c", "-shared", "-fPIC")
            cls.compile(f"{name}.o", f"{name}.c", "-c")
        (cls.folder / "stranger.c").write_text("int lib_run(void); int main(void) { return lib_run(); }\n")

    @classmethod
    def compile(cls, output, *arguments, compiler=CC):
        standard = "-std=c++20" if "++" in os.path.basename(compiler) else "-std=gnu11"
        done = subprocess.run([compiler, standard, *QUIET, f"-I{ROOT}/include", "-o", output, *map(str, arguments)],
                              cwd=cls.folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{output}: {done.stderr[:3000]}"
        return cls.folder / output

    def user(self, output, *libraries, flags=()):
        return self.compile(output, *flags, '-DHEADERS="headers.h"', '-DNAMES="names.h"', "-I.", HERE / "user.c", *libraries,
                            f"-Wl,-rpath,{BUILD}:{self.folder}", "-ldl")

    def run_one(self, program, *arguments, preload="", awake=1):
        """Runs it; so many kmems of the process come up, and nobody reports anything."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("KMEM", "LD_PRELOAD"))}
        environment.update(KMEM="counts_kmems", LD_PRELOAD=preload)
        done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=600)
        self.assertEqual((done.returncode, done.stderr.count("'counts_kmems' is unknown")), (0, awake), done.stdout + done.stderr)
        self.assertNotIn("BUG", done.stderr)
        return done


class Shared(Names):
    def test_a_program_that_knows_nothing_of_kmem_on_its_malloc(self):
        stranger = self.compile("stranger", "stranger.c", "-L.", "-lall", f"-Wl,-rpath,{self.folder}")
        self.run_one(stranger, preload=MALLOC)

    def test_before_libkmem_and_behind_it(self):
        for output, libraries in (("behind", ["-L.", "-lall", KMEM]), ("before", ["-L.", KMEM, "-lothers"])):
            program = self.user(output, *libraries)
            self.run_one(program)
            self.run_one(program, preload=MALLOC)

    def test_before_libkmem_malloc_and_behind_it(self):
        for output, libraries in (("behind_m", ["-L.", "-lall", MALLOC]), ("before_m", ["-L.", MALLOC, "-lall"])):
            program = self.user(output, *libraries, flags=["-DBOTH"])
            self.run_one(program)
            self.run_one(program, preload=MALLOC)

    def test_a_program_on_libkmem_run_on_the_preloaded_malloc_has_one_kmem(self):
        self.run_one(self.user("one", "-L.", "-lall", KMEM, flags=["-DBOTH"]), preload=MALLOC)
        self.run_one(self.user("one_no_pie", "-L.", "-lall", KMEM, flags=["-DBOTH", "-no-pie"]), preload=MALLOC)

    def test_both_libraries_in_either_order_share_their_blocks(self):
        self.run_one(self.user("malloc_first", "-L.", "-lall", MALLOC, KMEM, flags=["-DBOTH"]))
        self.run_one(self.user("kmem_first", "-L.", "-lall", KMEM, MALLOC, flags=["-DBOTH"]), awake=2)

    def test_a_library_that_is_opened_late(self):
        for library in ([KMEM], [MALLOC]):
            program = self.user("opens", *library, flags=["-DDLOPENS"])
            opened = "libothers.so" if library == [KMEM] else "liball.so"
            for arguments in ([opened], [opened, "global"]):
                self.run_one(program, self.folder / arguments[0], *arguments[1:])
                self.run_one(program, self.folder / "libothers.so", *arguments[1:], preload=MALLOC)


    def test_a_host_that_finds_kmalloc_in_a_kmem_that_slept(self):
        (self.folder / "host.c").write_text("""
          #include <dlfcn.h>
          #include <stdlib.h>
          int main(int argc, char** argv) {
            void* library = dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL);
            void* (*kmalloc)(size_t, unsigned) = dlsym(library, "kmalloc");
            void (*kfree)(const void*) = dlsym(library, "kfree");
            free(kmalloc(64, 0xcc0));
            kfree(malloc(64));
            return 0;
          }""")
        self.run_one(self.compile("host", "host.c"), KMEM, preload=MALLOC, awake=2)


class Static(Names):
    def test_in_a_program_with_the_same_names(self):
        for archive, flags in (("libkmem.a", []), ("libkmem-malloc.a", ["-DBOTH"])):
            for kind in ([], ["-no-pie"], ["-static"]):
                if kind == ["-static"] and not self.static_libc():
                    continue
                program = self.user("static", "all.o", BUILD / archive, flags=flags + kind + ["-pthread"])
                self.run_one(program)

    def test_beside_a_library_with_the_same_names(self):
        for archive, flags in (("libkmem.a", []), ("libkmem-malloc.a", ["-DBOTH"])):
            self.run_one(self.user("beside", BUILD / archive, "-L.", "-lall", flags=flags))
            self.run_one(self.user("exports", BUILD / archive, "-L.", "-lall", flags=flags + ["-rdynamic"]))

    def test_on_the_preloaded_malloc(self):
        # The program's kmem is its own, and the malloc's is another.
        program = self.user("inside", BUILD / "libkmem.a", "-L.", "-lall")
        self.run_one(program, preload=MALLOC, awake=2)
        # Where the program exports its kmem, each takes back what the other gave.
        program = self.user("shows", BUILD / "libkmem.a", "-L.", "-lall", flags=["-DBOTH", "-rdynamic"])
        self.run_one(program, preload=MALLOC, awake=2)

    def static_libc(self):
        return subprocess.run([CC, "-static", "-x", "c", "-", "-o", "/dev/null"], input="int main(void) { return 0; }", text=True,
                              capture_output=True).returncode == 0


class Languages(Names):
    def ways(self, c, cxx, flags_of_all):
        for compiler, source in ((c, "labels.c"), (cxx, "labels.cc")):
            shutil.copy(HERE / "labels.c", self.folder / source)
            for flags in flags_of_all:
                for library in (KMEM, MALLOC, BUILD / "libkmem.a"):
                    program = self.compile("labels", *flags, source, library, f"-Wl,-rpath,{BUILD}", compiler=compiler)
                    self.assertEqual(self.run_one(program).stdout, "ok\n")

    def test_each_way_to_name_a_function(self):
        self.ways(CC, CXX, (["-O0"], ["-O2"], ["-O2", "-flto"], ["-O2", "-fno-plt"], ["-O2", "-no-pie", "-fno-pie"]))

    def test_the_other_compiler(self):
        c, cxx = ("gcc", "g++") if "clang" in os.path.basename(CC) else ("clang-14", "clang++-14")
        if not shutil.which(c) or not shutil.which(cxx):
            self.skipTest(f"there is no {c}")
        self.ways(c, cxx, (["-O0"], ["-O2"]))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[5:], verbosity=2)
