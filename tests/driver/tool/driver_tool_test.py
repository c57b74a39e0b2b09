#!/usr/bin/env python3
"""`kmem driver` as its users meet it: driver_tool_test.py KMEM BUILD_FOLDER CC [unittest's options]"""
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

if sys.argv[1:2] in (["-h"], ["--help"]):
    print(__doc__.strip())
    sys.exit(0)

KMEM, BUILD, CC = sys.argv[1:4]
HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = os.path.join(HERE, "client.py")
BAD_INPUT = os.path.join(HERE, "bad_input.py")
TUTORIALS = os.path.join(HERE, "..", "..", "check", "tutorials")
SECONDS = os.environ.get("KMEM_BAD_INPUT_SECONDS", "2")  # how long bad input comes
BOX = os.path.join(HERE, "..", "fs", "chardev_driver.c")
PATIENCE = 600


def why_not():
    """What of the tool's needs the host does not give; empty where it gives all."""
    if tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2]) < (5, 19):
        return "Linux is older than 5.19"
    libc = ctypes.CDLL(None, use_errno=True)
    child = subprocess.Popen(["sleep", "60"])
    try:
        if libc.process_vm_readv(child.pid, None, 0, None, 0, 0):
            return "no memory of other processes may be read"
        if libc.ptrace(0x4206, child.pid, None, None):  # PTRACE_SEIZE
            return "no other process may be traced"
    finally:
        child.kill()
        child.wait()
    return ""


class DriverTool(unittest.TestCase):
    tool = KMEM

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("KMEM", "LD_PRELOAD"))}
        self.environment["CC"] = CC

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def driver(self, *words, **options):
        return subprocess.run([self.tool, "driver", *words], capture_output=True, text=True, cwd=self.folder, timeout=PATIENCE,
                              env=self.environment, **options)

    def succeeds(self, *words, **options):
        done = self.driver(*words, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done


class Building(DriverTool):
    def test_several_sources_become_one_module(self):
        one = self.file("one.c", "#include <linux/module.h>\nint two(void);\nstatic int __init a(void) { return two(); }\n"
                        "module_init(a);\nMODULE_LICENSE(\"GPL\");\n")
        two = self.file("two.c", "#include <linux/module.h>\nint two(void);\nint two(void) { pr_info(\"%s\\n\", KBUILD_MODNAME);"
                        " return NUMBER; }\n")
        self.succeeds("build", one, two, "-DNUMBER=0", "-Wall", "-Werror", "-o", "my-pair.kmo")
        with open(self.path("my-pair.kmo"), "rb") as f:
            self.assertIn(b"my_pair", f.read())

    def test_a_module_that_does_not_compile_or_link_is_an_error(self):
        wrong = self.file("wrong.c", "#include <linux/module.h>\nint f(void) { return nothing; }\n")
        done = self.driver("build", wrong)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nothing", done.stderr)
        lacks = self.file("lacks.c", "int nobody(void);\nint f(void);\nint __attribute__((visibility(\"default\"))) f(void)"
                          " { return nobody(); }\n")
        done = self.driver("build", lacks)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nobody", done.stderr)
        self.assertNotEqual(self.driver("build").returncode, 0)

    def test_a_module_may_call_functions_of_another(self):
        self.file("of.c", "#include <linux/module.h>\nint of_base(void);\nint of_base(void) { return 42; }\nEXPORT_SYMBOL_GPL(of_base);\n"
                  "static int __init a(void) { return 0; }\nmodule_init(a);\nstatic void __exit b(void) {}\nmodule_exit(b);\nMODULE_LICENSE(\"GPL\");\n")
        self.file("user.c", "#include <linux/module.h>\nint of_base(void);\nstatic int __init a(void) { pr_info(\"it is %d\\n\", of_base()); return 0; }\n"
                  "module_init(a);\nstatic void __exit b(void) {}\nmodule_exit(b);\nMODULE_LICENSE(\"GPL\");\n")
        for compiler in filter(shutil.which, {CC, "gcc", "clang"}):
            self.environment["CC"] = compiler
            self.succeeds("build", "of.c")
            self.succeeds("build", "user.c", "of.kmo")
            done = self.succeeds("reload", self.path("of.kmo"), self.path("user.kmo"), "--times", "1")
            self.assertIn("it is 42", done.stderr)
        for _ in range(2):
            done = self.driver("run", "user.kmo", "--", "true")
            self.assertEqual(done.returncode, 125)
            self.assertRegex(done.stderr, r"it needs \S*/of.kmo, which is not loaded")

    def test_a_function_that_is_not_declared_is_an_error(self):
        self.file("silent.c", "#include <linux/module.h>\nstatic int __init a(void) { return vsnprintf_of_nobody(); }\nmodule_init(a);\n")
        done = self.driver("build", "silent.c")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("vsnprintf_of_nobody", done.stderr)
        self.assertNotIn("undefined reference", done.stderr)

    def test_a_driver_may_have_functions_with_names_of_libc(self):
        self.file("names.c", "#include <linux/module.h>\n#include <linux/fs.h>\n#include <linux/pci.h>\n#include <linux/poll.h>\n#include <linux/seq_file.h>\n"
                  "static int remove(struct pci_dev *p) { return p != NULL; }\nstatic int read(struct file *f) { return f != NULL; }\n"
                  "static int write(void) { return 0; }\nstatic int close(void) { return 0; }\nstatic int rename(void) { return 0; }\n"
                  "static int access(void) { return 0; }\nstatic int link(void) { return 0; }\nstatic int pause(void) { return 0; }\n"
                  "static int __init a(void) { char text[9]; snprintf(text, 9, \"%d\", 1); return remove(NULL) + read(NULL) + write() + close() + rename() + access() + link() + pause(); }\n"
                  "module_init(a);\nMODULE_LICENSE(\"GPL\");\n")
        self.succeeds("build", "names.c", "-Wall", "-Werror")

    def test_a_driver_may_have_a_member_called_jiffies(self):
        self.file("seen.h", "struct seen { unsigned long jiffies; };\n")
        self.file("seen.c", "#include <linux/module.h>\n#include <linux/jiffies.h>\n#include \"seen.h\"\nstatic struct seen seen;\n"
                  "static int __init a(void) { seen.jiffies = jiffies; while (jiffies == seen.jiffies) continue; return 0; }\n"
                  "static void __exit b(void) { pr_info(\"%lu ticks\\n\", jiffies - seen.jiffies); }\n"
                  "module_init(a);\nmodule_exit(b);\nMODULE_LICENSE(\"GPL\");\n")
        self.succeeds("build", "seen.c", "-Wall", "-Werror")
        done = self.succeeds("reload", "--times", "3", "seen.kmo")
        self.assertRegex(done.stderr, r"\d ticks")

    def test_sanitizers_and_coverage(self):
        for flag in ("--asan", "--tsan", "--ubsan", "--coverage"):
            self.succeeds("build", BOX, flag, "-o", "box.kmo")
            with open(self.path("box.kmo"), "rb") as f:
                text = f.read()
            self.assertIn({"--asan": b"__asan", "--tsan": b"__tsan", "--ubsan": b"__ubsan", "--coverage": b"gcda"}[flag], text)
        self.assertNotEqual(self.driver("build", BOX, "--asan", "--tsan").returncode, 0)

    def test_flags_for_a_makefile(self):
        compiled = f"$CC $({self.tool} driver cflags) -Wall -Werror -c {BOX} -o box.o"
        linked = f"$CC box.o $({self.tool} driver cflags --libs) -o box.kmo"
        subprocess.run(["/bin/sh", "-ec", compiled + "\n" + linked], check=True, cwd=self.folder, env=self.environment,
                       timeout=PATIENCE)


STATIC = """
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  char back[8] = "";
  long fd = syscall(SYS_openat, AT_FDCWD, "/dev/tube", O_RDWR);
  if (syscall(SYS_write, fd, "static", 6) != 6 || syscall(SYS_read, fd, back, 8) != 6) return 1;
  return strcmp(back, "static") != 0;
}
"""


# Has numbers and no nodes, as drivers of old, and two ranges of one major.
PLAIN = """
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/module.h>
static dev_t number;
static struct cdev dev;
static ssize_t plain_read(struct file *file, char __user *to, size_t n, loff_t *at) {
  return simple_read_from_buffer(to, n, at, "plain\\n", 6);
}
static const struct file_operations ops = {.owner = THIS_MODULE, .read = plain_read};
static int __init plain_init(void) {
  int error = alloc_chrdev_region(&number, 0, 1, "plain");
  if (error) return error;
  error = register_chrdev_region(number + 1, 4, "plainpipe");
  if (error) return error;
  cdev_init(&dev, &ops);
  return cdev_add(&dev, number, 1);
}
static void __exit plain_exit(void) {
  cdev_del(&dev);
  unregister_chrdev_region(number + 1, 4);
  unregister_chrdev_region(number, 1);
}
module_init(plain_init);
module_exit(plain_exit);
MODULE_LICENSE("GPL");
"""

# Makes the mistake that is written to it.
WRONG = """
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/uaccess.h>
static DEFINE_MUTEX(lock);
static ssize_t wrong_write(struct file *file, const char __user *from, size_t n, loff_t *at) {
  char what = 0;
  if (get_user(what, from)) return -EFAULT;
  WARN_ON(what == 'w');
  if (what == 'l') mutex_lock(&lock);
  return n;
}
static const struct proc_ops ops = {.proc_write = wrong_write};
static int __init wrong_init(void) { return proc_create("wrong", 0666, NULL, &ops) ? 0 : -ENOMEM; }
static void __exit wrong_exit(void) { remove_proc_entry("wrong", NULL); }
module_init(wrong_init);
module_exit(wrong_exit);
MODULE_LICENSE("GPL");
"""


class Running(DriverTool):
    """Programs that know nothing of it, on the device of tube.c."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.shared, True)
        cls.tube = os.path.join(cls.shared, "tube.kmo")
        subprocess.run([KMEM, "driver", "build", os.path.join(HERE, "tube.c"), "-Wall", "-Werror", "-o", cls.tube], check=True,
                       env={**os.environ, "CC": CC}, timeout=PATIENCE)
        done = subprocess.run([KMEM, "driver", "run", cls.tube, "--", "true"], capture_output=True, text=True, timeout=PATIENCE)
        if "seccomp user notification" in done.stderr:
            raise unittest.SkipTest(done.stderr)
        if why := why_not():
            raise unittest.SkipTest(why)

    def run_on_tube(self, *command, options=(), **more):
        return self.driver("run", *options, self.tube, "greeting=how do you do", "--", *command, **more)

    def client(self, test, *options):
        return self.run_on_tube(sys.executable, CLIENT, test, options=options)

    def test_a_program_uses_it_as_any_device(self):
        for test in ("bytes_pass", "names", "flags", "who", "bad_addresses", "copies_are_one_file", "a_read_waits", "signals", "polling",
                     "waits_at_standard_input", "asynchronous", "epolls", "mapped", "threads"):
            with self.subTest(test):
                done = self.client(test)
                self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def test_common_programs(self):
        script = ("ls -l /dev/tube | grep '^crw-rw-rw-' && echo hello > /dev/tube && dd if=/dev/tube of=copy bs=100 count=1 &&"
                  " cp copy other && cp other /dev/tube && dd if=/dev/tube of=third bs=100 count=1 && cmp other third && cat other && head -c 3 other > /dev/tube && head -c 3 /dev/tube && [ -c /dev/tube ] &&"
                  " cat /proc/tube && grep -c how /proc/tube && exit 42")
        done = self.run_on_tube("/bin/sh", "-c", script)
        self.assertEqual(done.returncode, 42, done.stderr)
        self.assertTrue(done.stdout.endswith("hello\nhel0 of 4096, how do you do\n1\n"), done.stdout)

    def test_numbers_modules_and_interrupts_are_listed(self):
        done = self.run_on_tube("/bin/sh", "-c", "cat /proc/devices /proc/modules; exec 3< /dev/tube; cat /proc/modules; cat /proc/interrupts")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^Character devices:\n 10 misc\n\nBlock devices:\ntube 0 0 - Live 0x\w+\ntube 0 1 - Live 0x\w+\n$")

    def test_each_file_has_a_number_of_its_own(self):
        """grep and cp refuse two files of one number, and cmp takes them for equal."""
        script = ("import os\ndef of(s): return s.st_dev, s.st_ino\n"
                  "tube, devices = of(os.stat('/dev/tube')), of(os.stat('/proc/devices'))\n"
                  "assert tube != devices and 0 not in tube + devices and tube[0] == devices[0], (tube, devices)\n"
                  "assert of(os.fstat(os.open('/dev/tube', os.O_RDWR))) == tube\n"
                  "assert tube[0] != os.stat('/dev/null').st_dev")
        done = self.run_on_tube(sys.executable, "-c", script)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_script_of_the_book_finds_the_number_of_a_device(self):
        self.file("plain.c", PLAIN)
        self.succeeds("build", "plain.c")
        script = ("set -e; major=$(awk '$2==\"plain\" {print $1}' /proc/devices); mknod /dev/plain0 c $major 0; cat /dev/plain0;"
                  " grep plain /proc/devices | sed 's/^[0-9]*//'")
        done = self.driver("run", "plain.kmo", "--", "/bin/sh", "-c", script)
        self.assertEqual((done.returncode, done.stdout), (0, "plain\n plain\n plainpipe\n"), done.stderr)

    def test_a_static_program_with_raw_system_calls(self):
        source = self.file("static.c", STATIC)
        built = subprocess.run([CC, "-static", source, "-o", self.path("static")], capture_output=True, text=True, timeout=PATIENCE)
        if built.returncode:
            self.skipTest("no static libc: " + built.stderr)
        self.assertEqual(self.run_on_tube(self.path("static")).returncode, 0)

    def test_how_the_program_ends_is_how_the_tool_ends(self):
        self.assertEqual(self.run_on_tube("/bin/sh", "-c", "kill -9 $$").returncode, -9)
        self.assertEqual(self.run_on_tube("no-such-program-here").returncode, 127)
        self.assertEqual(self.run_on_tube(self.file("data", "")).returncode, 126)

    def test_a_module_that_cannot_be_loaded_says_why(self):
        bad = self.driver("run", self.tube, "room=many", "--", "true")
        self.assertEqual(bad.returncode, 125)
        self.assertIn("Invalid argument", bad.stderr)
        self.assertEqual(self.driver("run", "nothing.kmo", "--", "true").returncode, 125)
        self.file("empty.kmo", "")
        self.assertIn("not loaded", self.driver("run", "empty.kmo", "--", "true").stderr)

    def test_what_is_lost_is_named_by_its_place(self):
        done = self.client("leak")
        self.assertEqual(done.returncode, 125)
        self.assertIn("1 unreferenced object", done.stderr)
        self.assertIn("tube_leak", done.stderr)
        done = self.client("leak_area")
        self.assertEqual(done.returncode, 125)
        self.assertRegex(done.stderr, r"still mapped: .* tube\.kmo\+0x")
        self.assertEqual(self.client("leak", "--no-leaks").returncode, 0)

    def test_a_crash_of_the_driver_fails_the_call_and_no_more(self):
        done = self.client("crash")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("Oops", done.stderr)
        self.assertIn("tube.kmo", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_bad_input_does_no_harm(self):
        for test in ("ioctls", "addresses", "killed", "killed_mapping"):
            with self.subTest(test):
                done = self.run_on_tube(sys.executable, BAD_INPUT, test, "/dev/tube", SECONDS)
                self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def test_a_reported_mistake_is_the_exit_status(self):
        self.file("wrong.c", WRONG)
        self.succeeds("build", "wrong.c")
        said = "kmem driver: 1 mistake of the driver was reported"
        for script, status in (("echo warn > /proc/wrong", 125), ("echo warn > /proc/wrong; exit 3", 3), ("true", 0)):
            done = self.driver("run", "wrong.kmo", "--", "/bin/sh", "-c", script)
            self.assertEqual(done.returncode, status, done.stderr)
            (self.assertNotIn if script == "true" else self.assertIn)(said, done.stderr)
        done = self.succeeds("run", "--allow-mistakes", "wrong.kmo", "--", "/bin/sh", "-c", "echo warn > /proc/wrong")
        self.assertIn(said, done.stderr)
        done = self.driver("run", "wrong.kmo", "--", "/bin/sh", "-c", "echo lock > /proc/wrong")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("lock held when returning to user space", done.stderr)

    def test_a_mistake_of_a_driver_that_stays_is_told_by_stop(self):
        self.environment["XDG_RUNTIME_DIR"] = self.folder
        self.file("wrong.c", WRONG)
        self.succeeds("build", "wrong.c")
        for options, status in ((), 125), (("--allow-mistakes",), 0):
            self.succeeds("start", "wrong.kmo", *options)
            self.succeeds("run", "--on", "driver", "--", "/bin/sh", "-c", "echo warn > /proc/wrong")
            done = self.driver("stop")
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn("1 mistake of the driver was reported", done.stderr)

    def test_each_allocation_fails_once(self):
        done = self.client("keep", "--fail-nth", "--boot", "slub_debug=U")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"n = \d+: \d+ bytes are lost\n")
        self.assertRegex(done.stdout, r"\n\d+ allocations failed, one in each run; 1 found\n$")
        done = self.client("bytes_pass", "--fail-nth")
        self.assertEqual((done.returncode, done.stdout[-14:]), (0, "nothing found\n"), done.stdout)


    def test_a_driver_that_stays_serves_several_programs(self):
        self.environment["XDG_RUNTIME_DIR"] = self.folder
        self.succeeds("start", self.tube, "room=100", "--name", "staying")
        self.addCleanup(self.driver, "stop", "--name", "staying")
        self.succeeds("run", "--on", "staying", "--", "/bin/sh", "-c", "echo one > /dev/tube")
        done = self.succeeds("run", "--on", "staying", "--", "/bin/sh", "-c", "read line < /dev/tube; echo $line")
        self.assertEqual(done.stdout, "one\n")
        holder = subprocess.Popen([KMEM, "driver", "run", "--on", "staying", "--", "/bin/sh", "-c", "exec 3< /dev/tube; echo; read x"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment)
        holder.stdout.readline()
        refused = self.driver("stop", "--name", "staying")
        self.assertEqual(refused.returncode, 125)
        self.assertIn("1 files are open", refused.stderr)
        self.assertNotEqual(self.driver("start", self.tube, "--name", "staying").returncode, 0)
        holder.communicate(b"\n", timeout=PATIENCE)
        self.assertEqual(holder.returncode, 0)
        self.succeeds("stop", "--name", "staying")
        self.assertEqual(os.listdir(os.path.join(self.folder, "kmem-driver")), [])
        self.assertEqual(self.driver("run", "--on", "staying", "--", "true").returncode, 125)

    def test_loading_again_and_again_loses_nothing(self):
        done = self.succeeds("reload", self.tube, "greeting=hi", "--times", "1000", "--no-leaks")
        self.assertIn("1000 times: +0 blocks, +0 bytes, +0 pages", done.stdout)


class Suites(DriverTool):
    def kunit(self, body, *more):
        self.file("suite.c", "#include <kunit/test.h>\n#include <linux/module.h>\n#include <linux/slab.h>\n"
                  "static void adds(struct kunit *test) {\n" + body + "\n}\n"
                  "static struct kunit_case cases[] = {KUNIT_CASE(adds), {}};\n"
                  "static struct kunit_suite suite = {.name = \"sums\", .test_cases = cases};\n"
                  "kunit_test_suite(suite);\nMODULE_LICENSE(\"GPL\");\n")
        return self.driver("kunit", "suite.c", *more)

    def test_results_are_ktap(self):
        done = self.kunit("KUNIT_EXPECT_EQ(test, 1 + 1, 2);")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("KTAP version 1\n", done.stdout)
        self.assertIn("ok 1 sums\n", done.stdout)

    def test_a_failure_is_the_exit_status(self):
        done = self.kunit("KUNIT_EXPECT_EQ(test, 1 + 1, 3);")
        self.assertEqual(done.returncode, 1)
        self.assertIn("not ok 1 sums\n", done.stdout)

    def test_with_a_sanitizer(self):
        wrong = "char *p = kmalloc(100, GFP_KERNEL); kfree(p); KUNIT_EXPECT_EQ(test, *(volatile char *)p, 0);"
        done = self.kunit(wrong, "--asan")
        self.assertNotEqual(done.returncode, 0)
        if "does not come first" in done.stderr:
            self.skipTest(done.stderr)
        self.assertIn("AddressSanitizer: use-after-poison", done.stderr)
        self.assertEqual(self.kunit("KUNIT_EXPECT_EQ(test, 1 + 1, 2);", "--asan").returncode, 0)


class Installed(DriverTool):
    """The same from an installed kmem."""

    @classmethod
    def setUpClass(cls):
        cls.prefix = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.prefix, True)
        done = subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        cls.tool = os.path.join(cls.prefix, "bin", "kmem")

    def test_it_builds(self):
        self.succeeds("build", BOX, "-o", "box.kmo")
        flags = self.succeeds("cflags").stdout
        self.assertIn(self.prefix, flags)
        self.assertNotIn(os.path.dirname(HERE), flags)

    def test_it_runs(self):
        self.file("none.c", "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n")
        self.succeeds("build", "none.c")
        done = self.driver("run", "none.kmo", "--", "/bin/sh", "-c", "exit 5")
        if "seccomp user notification" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 5, done.stderr)

    def test_the_first_ten_minutes_are_as_the_page_says(self):
        self.environment["PATH"] = os.path.dirname(self.tool) + ":" + self.environment["PATH"]
        done = subprocess.run([TUTORIALS, "--installed", "../driver-tool.md"], capture_output=True, text=True, timeout=PATIENCE,
                              env=self.environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("skipped", done.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])