#!/usr/bin/env python3
"""The tool kmem as its users meet it: tool_test.py KMEM LIBRARY DOCS CARELESS CARELESS_CXX WORD_COUNT
[unittest's options]"""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

KMEM, LIBRARY, DOCS, CARELESS, CARELESS_CXX, WORD_COUNT = (os.path.abspath(path) for path in sys.argv[1:7])
PYTHON = os.path.realpath(sys.executable)

SLABINFO_LINE = re.compile(
    r"\S+ +\d+ +\d+ +\d+ +\d+ +\d+ : tunables +\d+ +\d+ +\d+ : slabdata +\d+ +\d+ +\d+"
    r" : cpustat +\d+ +\d+ +\d+ +\d+")


def elf(machine=62, word=2):
    """The smallest program file: a header, and no segment that names a dynamic linker."""
    ident = b"\x7fELF" + bytes([word, 1, 1]) + bytes(9)
    return ident + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 0, 0, 0, 64, 56, 0, 64, 0, 0)


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.tmp = os.path.join(self.folder, "tmp")
        os.mkdir(self.tmp)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("KMEM", "LD_PRELOAD"))}
        self.environment["TMPDIR"] = self.tmp

    def tearDown(self):
        self.assertEqual(os.listdir(self.tmp), [], "temporary files were left behind")

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, content, mode=0o755):
        with open(self.path(name), "wb") as f:
            f.write(content)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def kmem(self, *arguments, **options):
        options.setdefault("env", self.environment)
        options.setdefault("cwd", self.folder)
        return subprocess.run([KMEM, *arguments], capture_output=True, timeout=600, **options)

    def run_json(self, *command, count=True, **options):
        done = self.kmem("run", "--library", LIBRARY, "--json", "out.json", *["--count"] * count, "--", *command, **options)
        with open(self.path("out.json")) as f:
            return done, json.load(f)


class Running(ToolTest):
    def test_the_programs_output_input_and_status_are_untouched(self):
        script = "cat; echo out; echo err >&2; exit 42"
        for options in ([], ["--report-file", "r.txt"], ["--json", "r.json"]):
            done = self.kmem("run", *options, "--", "/bin/sh", "-c", script, input=b"in\0put")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (42, b"in\0putout\n", b"err\n"), options)

    def test_a_report_goes_behind_the_programs_standard_error(self):
        done = self.kmem("run", "--report", "--", "/bin/sh", "-c", "echo err >&2")
        self.assertTrue(done.stderr.startswith(b"err\nkmem: /bin/sh (process "), done.stderr)
        self.assertEqual(done.stdout, b"")

    def test_a_program_killed_by_a_signal_kills_the_tool_by_the_same(self):
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGHUP):
            for options in ([], ["--report"]):
                done = self.kmem("run", *options, "--", "/bin/sh", "-c", f"kill -{int(number)} $$")
                self.assertEqual(done.returncode, -number)

    def test_signals_are_passed_on(self):
        script = "import signal,sys\n" \
                 "def end(n, f): print(n, flush=True); sys.exit(9)\n" \
                 "for n in (1, 2, 3, 15, 10, 12): signal.signal(n, end)\n" \
                 "print('ready', flush=True)\n" \
                 "while True: signal.pause()\n"
        for number in (1, 2, 3, 15, 10, 12):
            running = subprocess.Popen([KMEM, "run", "--report-file", "/dev/null", "--", PYTHON, "-c", script],
                                       stdout=subprocess.PIPE, env=self.environment, start_new_session=True)
            self.assertEqual(running.stdout.readline(), b"ready\n")
            running.send_signal(number)
            self.assertEqual(running.stdout.readline(), f"{number}\n".encode())
            self.assertEqual(running.wait(30), 9)
            running.stdout.close()

    def test_ignored_and_blocked_signals_are_inherited_as_they_were(self):
        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

        look = ["/bin/grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"]
        plain = subprocess.run(look, capture_output=True, preexec_fn=ignore).stdout
        for options in ([], ["--report-file", "/dev/null"]):
            done = self.kmem("run", *options, "--", *look, preexec_fn=ignore)
            self.assertEqual((done.returncode, done.stdout), (0, plain))

    def test_words_behind_the_program_are_the_programs(self):
        done = self.kmem("run", "echo", "--report", "--", "run")
        self.assertEqual(done.stdout, b"--report -- run\n")
        done = self.kmem("run", "--", "echo", "--", "--json")
        self.assertEqual(done.stdout, b"-- --json\n")

    def test_what_was_preloaded_and_said_before_stays(self):
        self.environment.update(LD_PRELOAD=LIBRARY, KMEM="mem=4G")
        done = self.kmem("run", "--library", LIBRARY, "--boot", "numa=fake=1", "--report-file", "/dev/null", "--",
                         "/usr/bin/env")
        lines = done.stdout.decode().splitlines()
        reports = os.path.join(os.path.dirname(LIBRARY), "libkmem-exit.so")
        self.assertIn(f"LD_PRELOAD={LIBRARY}:{reports}:{LIBRARY}", lines)
        self.assertIn("KMEM=mem=4G numa=fake=1", lines)

    def test_a_report_leaves_the_fast_path_open_unless_every_call_is_to_be_counted(self):
        words = ["/bin/sh", "-c", "echo \"<$KMEM>\""]
        done = self.kmem("run", "--report", "--", *words)
        self.assertEqual(done.stdout, b"<>\n")
        self.assertIn(b"fast path    open; ", done.stderr)
        self.assertIn(b"REFILLS", done.stderr)
        self.assertNotIn(b"ALLOCS", done.stderr)
        done = self.kmem("run", "--report", "--count", "--", *words)
        self.assertEqual(done.stdout, b"<stats>\n")
        self.assertRegex(done.stderr.decode(), r"fast path    [0-9.]+ % of [0-9,]+ calls")
        self.assertIn(b"ALLOCS", done.stderr)

    def test_without_counting_the_calls_that_left_the_fast_path_are_told(self):
        _, found = self.run_json(PYTHON, "-S", "-c", "x = [bytearray(600 + i % 300) for i in range(50000)]", count=False)
        paths = found["processes"][0]["paths"]
        self.assertEqual((paths["counted"], paths["fast"]), (False, 0))
        self.assertGreater(paths["slow"], 100)
        self.assertEqual(paths["slow"], sum(c["slow_allocs"] + c["slow_frees"] for c in found["processes"][0]["caches"]))

    def test_without_a_report_nothing_is_counted_and_no_process_is_added(self):
        running = subprocess.Popen([KMEM, "run", "--", "/bin/sh", "-c", "echo $$ \"<$KMEM$KMEM_REPORT>\""],
                                   stdout=subprocess.PIPE, env=self.environment)
        self.assertEqual(running.communicate()[0], f"{running.pid} <>\n".encode())


class Refusing(ToolTest):
    def refused(self, status, words, *arguments):
        done = self.kmem(*arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(words, done.stderr.decode())
        self.assertTrue(done.stderr.startswith(b"kmem: "), done.stderr)
        self.assertEqual(done.stdout, b"")

    def test_a_program_that_is_not_there(self):
        self.refused(127, "is not found in PATH", "run", "--", "no-such-program")
        self.refused(127, "No such file", "run", "--", "./no-such-program")

    def test_a_file_that_cannot_be_executed(self):
        self.refused(126, "cannot be executed", "run", "--", self.file("data", b"x", 0o644))
        self.refused(126, "cannot be executed", "run", "--", "/")

    def test_a_statically_linked_program_also_behind_a_script(self):
        static = self.file("static", elf())
        self.refused(125, "statically linked", "run", "--", static)
        self.refused(125, "statically linked", "run", "--", self.file("script", f"#!{static} -x\n".encode()))

    def test_a_program_for_another_machine(self):
        self.refused(125, "another kind of machine", "run", "--", self.file("other", elf(machine=243)))
        self.refused(125, "another kind of machine", "run", "--", self.file("narrow", elf(machine=3, word=1)))

    def test_a_set_user_id_program(self):
        program = "/usr/bin/su"
        if os.getuid() == 0:
            program = shutil.copy("/bin/true", self.path("as-other"))
            os.chown(program, 65534, 0)
            os.chmod(program, 0o4755)
        elif not os.path.exists(program) or not os.stat(program).st_mode & 0o4000:
            self.skipTest("no set-user-ID program of another user is here")
        self.refused(125, "set-user-ID", "run", "--", program)

    def test_a_file_that_cannot_be_written_before_the_program_runs(self):
        self.refused(125, "No such file", "run", "--json", "no/such/folder", "--", "/bin/echo", "ran")
        self.refused(125, "No such file", "run", "--report-file", "no/such/folder", "--", "/bin/echo", "ran")

    def test_a_library_that_is_not_there(self):
        self.refused(125, "is not there", "run", "--library", "/no/such/library", "--", "/bin/true")

    def test_a_report_that_is_none(self):
        self.refused(125, "is not JSON", "slabinfo", "--from", self.file("cut", b'{"schema": 1'))
        self.refused(125, "no report", "slabinfo", "--from", self.file("other", b'{"a": 1}'))
        self.refused(125, "No such file", "slabinfo", "--from", "no-such-file")

    def test_wrong_options_with_status_125(self):
        self.assertEqual(self.kmem("run", "--no-such-option", "--", "true").returncode, 125)
        self.assertEqual(self.kmem("no-such-command").returncode, 125)
        self.assertEqual(self.kmem("run").returncode, 125)


class Reporting(ToolTest):
    def test_every_process_that_ends_by_itself_is_in_the_json(self):
        script = "import os,sys\n" \
                 "for n in range(3):\n" \
                 "  if os.fork() == 0: os._exit(n)\n" \
                 "for n in range(3): os.wait()\n" \
                 "sys.exit(5)\n"
        done, found = self.run_json(PYTHON, "-c", script)
        self.assertEqual(done.returncode, 5)
        self.assertEqual(found["end"]["status"], 5)
        self.assertEqual(found["command"][0], PYTHON)
        processes = found["processes"]
        self.assertEqual(len(processes), 4)
        self.assertEqual(processes[0]["process"]["pid"], found["pid"])
        for child in processes[1:]:
            self.assertEqual(child["process"]["parent"], found["pid"])

    def test_a_child_that_shares_its_parents_memory_does_not_report_in_its_place(self):
        script = "import subprocess\n" \
                 "for n in range(3):\n" \
                 "  try: subprocess.run(['/no/such/program'])\n" \
                 "  except FileNotFoundError: pass\n"
        _, found = self.run_json(PYTHON, "-c", script)
        self.assertIn(found["pid"], [p["process"]["pid"] for p in found["processes"]])

    def test_the_numbers_make_sense(self):
        _, found = self.run_json(PYTHON, "-c", "x = [str(i) * 10 for i in range(100000)]")
        report = found["processes"][0]
        memory = report["memory"]
        self.assertIn(report["machine"]["cpu_stack"], ("rseq", "per-thread"))
        self.assertTrue(report["paths"]["counted"])
        self.assertGreaterEqual(memory["bytes_peak"], memory["bytes_in_use"])
        self.assertGreaterEqual(report["process"]["resident_peak"], report["process"]["resident"])
        self.assertGreater(report["process"]["resident"], 0)
        for cache in report["caches"]:
            self.assertLessEqual(cache["active_objs"], cache["num_objs"], cache)
            self.assertLessEqual(cache["active_slabs"], cache["num_slabs"], cache)
            self.assertLessEqual(cache["object_size"], cache["stride"], cache)
        for zone in report["zones"]:
            self.assertLessEqual(zone["nr_free"], zone["managed"], zone)
            self.assertLessEqual(zone["managed"], zone["present"], zone)
            self.assertLessEqual(zone["present"], zone["spanned"], zone)

    def test_the_peak_is_what_was_held_in_the_middle(self):
        for program in ("x = [bytes(1000) for n in range(30000)]; del x", "x = b'x' * 30000000; del x"):
            _, found = self.run_json(PYTHON, "-c", program)
            memory = found["processes"][0]["memory"]
            self.assertGreaterEqual(memory["bytes_peak"], 30000000, program)
            self.assertLess(memory["bytes_in_use"], 15000000, program)

    def test_the_calls_of_each_cache_add_up_to_what_is_in_use(self):
        script = "import threading\n" \
                 "def work():\n" \
                 "  for i in range(20000): kept = [bytearray(600 + i % 300) for j in range(3)]\n" \
                 "workers = [threading.Thread(target=work) for i in range(4)]\n" \
                 "for worker in workers: worker.start()\n" \
                 "for worker in workers: worker.join()\n"
        done, found = self.run_json(PYTHON, "-S", "-c", script)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = found["processes"][0]
        for cache in report["caches"]:
            self.assertEqual(cache["allocs"] - cache["frees"], cache["active_objs"], cache)
            self.assertLessEqual(cache["slow_allocs"], cache["allocs"], cache)
        calls = sum(cache["allocs"] + cache["frees"] for cache in report["caches"])
        self.assertGreater(calls, 2 * 4 * 20000 * 3)
        self.assertGreaterEqual(report["paths"]["fast"] + report["paths"]["slow"], calls)
        self.assertGreater(report["paths"]["fast"], report["paths"]["slow"])

    def test_they_add_up_while_other_threads_are_in_the_middle_of_a_call(self):
        for attempt in range(10):
            _, found = self.run_json(CARELESS, "busy")
            for cache in found["processes"][0]["caches"]:
                self.assertEqual(cache["allocs"] - cache["frees"], cache["active_objs"], cache)
                self.assertLessEqual(cache["slow_allocs"], cache["allocs"], cache)
                self.assertLessEqual(cache["slow_frees"], cache["frees"], cache)

    def reclaim_in_a_group(self, others_mib):
        """What a process of 12 MiB reports of a group with 64, in which another one holds so many."""
        inner = "kept = [bytes(1000) for n in range(12000)]"
        outer = f"import os, subprocess, sys; held = bytearray(b'x') * ({others_mib} << 20)\n" \
                f"sys.exit(subprocess.run([sys.executable, '-S', '-c', {inner!r}], env=dict(os.environ, " \
                f"LD_PRELOAD={LIBRARY!r}, KMEM='cgroup_poll=1', KMEM_REPORT={self.path('group.json')!r})).returncode)\n"
        in_group = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "in_cgroup.py")
        done = subprocess.run([PYTHON, in_group, "64M", PYTHON, "-S", "-c", outer], env=self.environment, capture_output=True)
        if done.returncode == 77:
            self.skipTest(done.stdout.decode())
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("group.json")) as f:
            return json.load(f)["reclaim"]

    def test_what_others_of_its_group_have_is_told(self):
        few, many = self.reclaim_in_a_group(1), self.reclaim_in_a_group(25)
        for told in few, many:
            self.assertTrue(told["shared"])
            self.assertGreater(told["looks"], 0)
        grown = (many["others"] - few["others"]) * 4096 >> 20
        self.assertGreater(grown, 16)
        self.assertLess(grown, 32)

    def test_where_nobody_shares_the_bound_nobody_is_asked(self):
        _, found = self.run_json("/bin/true", env={**self.environment, "KMEM": "cgroup=off"})
        told = found["processes"][0]["reclaim"]
        self.assertEqual((told["shared"], told["others"], told["looks"]), (False, 0, 0))

    def test_a_killed_program_is_said_to_have_left_no_report(self):
        done = self.kmem("run", "--report", "--", "/bin/sh", "-c", "kill -9 $$")
        self.assertIn(b"It left no report", done.stderr)
        done, found = self.run_json("/bin/sh", "-c", "kill -9 $$")
        self.assertEqual((found["end"]["signal"], found["processes"]), (9, []))

    def test_a_report_is_written_where_the_program_started_whatever_it_does_then(self):
        self.environment.update(LD_PRELOAD=LIBRARY, KMEM_REPORT="left.%p.json")
        script = "import os; os.chdir('/'); os.environ.clear(); os.closerange(0, 100)"
        running = subprocess.Popen([PYTHON, "-S", "-c", script], env=self.environment, cwd=self.folder)
        self.assertEqual(running.wait(30), 0)
        with open(self.path(f"left.{running.pid}.json")) as f:
            self.assertEqual(json.load(f)["process"]["pid"], running.pid)

    def test_a_report_that_cannot_be_written_changes_nothing(self):
        import resource
        os.mkfifo(self.path("pipe"))
        for name in ("/dev/full", "/no/such/folder/r", self.path("pipe"), "/", "x" * 5000):
            self.environment.update(LD_PRELOAD=LIBRARY, KMEM_REPORT=name)
            done = subprocess.run(["/bin/sh", "-c", "echo out; exit 6"], env=self.environment, capture_output=True)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (6, b"out\n", b""), name)
        # A file size limit is enforced by a signal that kills.
        self.environment["KMEM_REPORT"] = self.path("limited")
        done = subprocess.run(["/bin/false"], env=self.environment,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
        self.assertEqual(done.returncode, 1)


    def test_a_program_that_may_not_open_files_any_more_ends_as_ever(self):
        openat = {"x86_64": 257, "aarch64": 56}.get(os.uname().machine)
        if openat is None:
            self.skipTest("openat's number is not known for this machine")
        # Load the call's number; openat() fails with EPERM, anything else is allowed.
        script = "import ctypes, struct, sys\n" \
                 "rules = [(0x20, 0, 0, 0), (0x15, 0, 1, %d), (6, 0, 0, 0x50001), (6, 0, 0, 0x7fff0000)]\n" \
                 "code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *r) for r in rules))\n" \
                 "program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', 4, ctypes.addressof(code)))\n" \
                 "libc = ctypes.CDLL(None)\n" \
                 "libc.prctl(38, 1, 0, 0, 0)\n" \
                 "print(libc.prctl(22, 2, program), flush=True)\n" \
                 "sys.exit(3)\n" % openat
        done, found = self.run_json(PYTHON, "-c", script)
        if done.stdout != b"0\n":
            self.skipTest("seccomp is not allowed here")
        self.assertEqual((done.returncode, done.stderr, found["processes"]), (3, b"", []))

    def test_a_program_in_another_root_ends_as_ever(self):
        if os.getuid() != 0:
            self.skipTest("only root may chroot")
        done, found = self.run_json(PYTHON, "-c", "import os, sys; os.chroot('tmp'); sys.exit(3)")
        self.assertEqual((done.returncode, done.stderr, found["processes"]), (3, b"", []))


class Rendering(ToolTest):
    def setUp(self):
        super().setUp()
        self.kmem("run", "--library", LIBRARY, "--count", "--json", "out.json", "--", "/bin/sh", "-c", "(:); :")

    def text(self, what, *options):
        done = self.kmem(what, "--from", "out.json", *options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), what)
        return done.stdout.decode()

    def test_slabinfo_has_the_kernels_header_and_lines(self):
        lines = self.text("slabinfo").splitlines()
        self.assertEqual(lines[0], "slabinfo - version: 2.1 (statistics)")
        self.assertEqual(lines[1], "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : "
                                   "tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> "
                                   "<sharedavail> : cpustat <allochit> <allocmiss> <freehit> <freemiss>")
        self.assertGreater(len(lines), 2)
        for line in lines[2:]:
            self.assertRegex(line, SLABINFO_LINE)

    def test_slabtop_reads_slabinfo(self):
        if os.getuid() != 0 or not shutil.which("slabtop") or not shutil.which("unshare"):
            self.skipTest("needs root, slabtop and unshare: only root may put a file in front of /proc/slabinfo")
        with open(self.path("slabinfo"), "w") as f:
            f.write(self.text("slabinfo"))
        done = subprocess.run(["unshare", "-m", "sh", "-c",
                               "mount --bind slabinfo /proc/slabinfo || exit 77; exec slabtop -o"],
                              cwd=self.folder, capture_output=True)
        if done.returncode == 77:
            self.skipTest("mounting is not allowed here")
        self.assertEqual(done.returncode, 0, done.stderr)
        names = {line.split()[0] for line in self.text("slabinfo").splitlines()[2:]}
        shown = {line.split()[-1] for line in done.stdout.decode().splitlines()[7:] if line.strip()}
        self.assertTrue(shown and shown <= names, shown - names)

    def test_the_page_texts_have_the_kernels_lines(self):
        self.assertRegex(self.text("buddyinfo"), r"\ANode 0, zone +\w+ ( *\d+ ){11}\n")
        self.assertRegex(self.text("zoneinfo"), r"\ANode 0, zone +\w+\n  pages free     \d+\n        boost    0\n")
        self.assertRegex(self.text("pagetypeinfo"), r"\APage block order: 9\nPages per block:  512\n")
        self.assertRegex(self.text("meminfo"), r"\AMemTotal: +\d+ kB\nMemFree: +\d+ kB\n")

    def test_json_goes_round(self):
        once = self.text("json")
        with open(self.path("out.json")) as f:
            self.assertEqual(json.loads(once), json.load(f)["processes"][0])
        self.file("again.json", once.encode())
        self.assertEqual(self.kmem("json", "--from", "again.json").stdout.decode(), once)

    def test_a_process_can_be_chosen(self):
        with open(self.path("out.json")) as f:
            pid = json.load(f)["processes"][-1]["process"]["pid"]
        self.assertEqual(json.loads(self.text("json", "--pid", str(pid)))["process"]["pid"], pid)
        self.assertIn(f"(process {pid})", self.text("report", "--pid", str(pid)))
        self.assertEqual(self.kmem("json", "--from", "out.json", "--pid", "1").returncode, 125)


class Explaining(ToolTest):
    def read(self, name):
        with open(os.path.join(DOCS, name)) as f:
            return f.read()

    def test_help_has_examples_and_version_a_number(self):
        done = self.kmem("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"Examples:\n  kmem run -- ", done.stdout)
        self.assertRegex(self.kmem("--version").stdout.decode(), r"\Akmem \d+\.\d+\.\d+\n\Z")

    def test_every_option_and_command_is_in_the_manual(self):
        manual = self.read("man/kmem.1").replace("\\-", "-")
        everything = self.kmem("--help").stdout + self.kmem("run", "--help").stdout + self.kmem("json", "--help").stdout
        everything += self.kmem("validate", "--help").stdout
        for option in set(re.findall(r"--[a-z][a-z-]+", everything.decode())):
            self.assertIn(option, manual)
        for command in re.findall(r"^  ([a-z]+) {5,}", self.kmem("--help").stdout.decode(), re.M):
            self.assertRegex(manual, rf"\b{command}\b")

    def test_a_message_is_explained(self):
        done = self.kmem("explain", "kmem: BUG: double free of 0x00007f3835401c90, an object of cache kmalloc-64 (64 bytes)")
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(done.stdout.decode(), r"(?s)double free of.*  cause: .*  what to do: ")

    def test_a_part_of_a_message_is_enough(self):
        for part in ("double free of 0x00007f4bb4400040", "double free", "Double Free"):
            done = self.kmem("explain", part)
            self.assertEqual(done.returncode, 0, done)
            self.assertIn("double free of …, an object of cache", done.stdout.decode())
        of_several = self.kmem("explain", "out of memory").stdout.decode()
        self.assertGreater(of_several.count("cause: "), 1)
        lines_of_a_program = self.kmem("explain", input=b"double free\nout of memory\n")
        self.assertEqual(lines_of_a_program.stdout, b"", "of a program's lines only whole messages count")

    def test_what_a_program_was_told_is_explained_each_message_once(self):
        told = "kmem: BUG: kmem_cache_destroy(a): 1 objects are still allocated; the cache stays\nkmem: CPU stacks: x\n" * 2
        done = self.kmem("explain", input=told.encode())
        self.assertEqual((done.returncode, done.stdout.decode().count("cause: ")), (0, 1), done)

    def test_what_is_no_message_has_no_explanation(self):
        done = self.kmem("explain", "hello")
        self.assertEqual((done.returncode, done.stdout), (1, b""), done)
        self.assertIn(b"no message in the catalogue", done.stderr)

    def test_every_message_of_the_catalogue_is_found_by_its_text(self):
        with open(os.path.join(DOCS, "messages.md"), encoding="utf-8") as page:
            rows = re.findall(r"^\| (`.*?`) \| ", page.read(), re.M | re.S)
        messages = [m for row in rows for m in re.findall("`([^`]*)`", row)]
        self.assertGreater(len(messages), 150)
        for message in messages:
            line = message.split("\n")[0]
            if len(line.replace("…", "")) < 5:
                continue
            done = self.kmem("explain", "--", line.replace("…", "1"))
            self.assertIn("cause: ", done.stdout.decode(), line)

    def test_every_boot_word_is_in_its_manual(self):
        source = os.path.join(DOCS, "..", "src", "boot")
        words = set()
        for name in ("command_line.cc", "fault_words.cc"):
            with open(os.path.join(source, name)) as f:
                text = f.read()
            words |= set(re.findall(r'^    \{"([a-z_.]+)", (?:set_|\[\]\(BootOptions)', text, re.M))
            words |= set(re.findall(r'names\((?:word\.)?name, "([a-z_]+)"\)', text))
        self.assertGreater(len(words), 25)
        manual = self.read("man/kmem-boot.7")
        self.assertEqual({word for word in words if word not in manual}, set())

    def test_every_member_of_the_json_is_explained(self):
        _, found = self.run_json("/bin/true")
        explained = set(re.findall(r"`([a-z_]+)`", self.read("statistics.md")))

        def members(value):
            if isinstance(value, dict):
                for name, inner in value.items():
                    yield name
                    yield from members(inner)
            elif isinstance(value, list):
                for inner in value:
                    yield from members(inner)

        self.assertEqual(set(members(found)) - explained, set())


class BootMemory(ToolTest):
    def test_a_reservation_shows_in_iomem(self):
        done = self.kmem("run", "--library", LIBRARY, "--boot", "reserve=ring:3M wrong=1", "--json", "out.json", "--", "/bin/true")
        self.assertIn(b"boot word 'wrong=1' is unknown, ignored", done.stderr)
        text = self.kmem("iomem", "--from", "out.json").stdout.decode()
        self.assertRegex(text, r"(?m)^[0-9a-f]{8,}-[0-9a-f]{8,} : System RAM$")
        start, end = (int(at, 16) for at in re.search(r"(?m)^    ([0-9a-f]+)-([0-9a-f]+) : ring$", text).groups())
        self.assertEqual(end + 1 - start, 3 << 20)


class Validating(ToolTest):
    def validate(self, *arguments):
        done = self.kmem("validate", "--library", LIBRARY, "--json", "v.json", *arguments)
        with open(self.path("v.json")) as f:
            return done, json.load(f)

    def test_a_program_that_does_no_wrong_is_well(self):
        for options in ([], ["--objects"]):
            done, found = self.validate(*options, "--", CARELESS)
            self.assertEqual((done.returncode, found["status"]), (0, 0), done.stderr)
            self.assertEqual(len(found["processes"]), 1)
            self.assertTrue(found["processes"][0]["checked"])
            self.assertIn(b"all is well", done.stderr)

    def test_the_programs_output_is_untouched_and_its_status_told(self):
        done, found = self.validate("--report-file", "r.txt", "--", "/bin/sh", "-c", "echo out; echo err >&2; exit 3")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"out\n", b"err\n"))
        with open(self.path("r.txt")) as f:
            self.assertIn("ended with status 3", f.read())

    def test_a_broken_structure_is_named_by_its_rule(self):
        done, found = self.validate("--", CARELESS, "twice-in-a-sheaf")
        self.assertEqual((done.returncode, found["status"]), (1, 1), done.stderr)
        violation = found["processes"][0]["violations"][0]
        self.assertEqual(violation["part"], "cache malloc-2048")
        self.assertRegex(violation["rule"], r"^C[237] ")
        self.assertIn(violation["rule"].encode(), done.stderr)

    def test_a_write_past_the_end_of_a_block_that_is_never_freed_is_found_among_the_objects(self):
        done, found = self.validate("--objects", "--", CARELESS, "overrun")
        self.assertEqual((done.returncode, found["processes"][0]["damaged_objects"]), (1, 1), done.stderr)
        self.assertEqual(found["processes"][0]["violations"], [])
        self.assertIn(b"1 damaged object\n", done.stderr)

    def test_children_are_looked_at_too(self):
        done, found = self.validate("--objects", "--", CARELESS, "in-a-child", "overrun")
        self.assertEqual(done.returncode, 1, done.stderr)
        damaged = {process["pid"] == found["pid"]: process["damaged_objects"] for process in found["processes"]}
        self.assertEqual(damaged, {True: 0, False: 1})

    def test_what_could_not_be_looked_at_is_not_called_well(self):
        script = "import threading, time; threading.Thread(target=lambda: time.sleep(100), daemon=True).start()"
        done, found = self.validate("--", PYTHON, "-S", "-c", script + "; import os; os._exit(0)")
        self.assertEqual((done.returncode, found["processes"][0]["checked"]), (2, False), done.stderr)
        self.assertIn(b"threads of it were still running", done.stderr)
        done, found = self.validate("--", "/bin/sh", "-c", "kill -9 $$")
        self.assertEqual((done.returncode, found["processes"]), (2, []))
        self.assertIn(b"left no report", done.stderr)

    def test_a_program_that_is_not_there_is_no_violation(self):
        self.assertEqual(self.kmem("validate", "--", "no-such-program").returncode, 127)
        self.assertEqual(self.kmem("validate").returncode, 125)


class ValidatingWhatRuns(ToolTest):
    def start(self, *arguments, words="validate_signal=40", preload=LIBRARY, program=CARELESS):
        environment = {**self.environment, "LD_PRELOAD": preload, "KMEM": words}
        running = subprocess.Popen([program, *arguments], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(running.communicate)
        self.addCleanup(running.kill)
        self.assertEqual(running.stdout.readline(), b"ready\n")
        return running

    def validate(self, running, *options):
        done = self.kmem("validate", "--json", "v.json", *options, str(running.pid))
        with open(self.path("v.json")) as f:
            return done, json.load(f)

    def test_a_process_is_looked_at_and_goes_on(self):
        for how in ("linger", "toil"):
            running = self.start(how)
            for n in range(3):
                done, found = self.validate(running)
                self.assertEqual((done.returncode, found["status"], found["pid"]), (0, 0, running.pid), done.stderr)
                self.assertTrue(found["processes"][0]["checked"])
                self.assertEqual(found["processes"][0]["name"], os.path.basename(CARELESS)[:15])
                self.assertIn(b"goes on; looked at ", done.stderr)
            out, errors = running.communicate(timeout=600)
            self.assertEqual((running.returncode, out, errors), (0, b"no child\n", b""), how)

    def test_what_is_broken_in_it_is_named(self):
        running = self.start("twice-in-a-sheaf", "linger")
        done, found = self.validate(running)
        self.assertEqual((done.returncode, found["status"]), (1, 1), done.stderr)
        violation = found["processes"][0]["violations"][0]
        self.assertEqual(violation["part"], "cache malloc-2048")
        self.assertRegex(violation["rule"], r"^C[237] ")
        self.assertIn(b"looked at 5 times", done.stderr)
        self.assertIn(violation["rule"].encode(), done.stderr)

    def test_a_damaged_object_is_found_and_stays_as_it_is(self):
        running = self.start("overrun", "linger", words="slub_debug=FZPU validate_signal=12")
        for n in range(2):  # the copy is put right, and not what it is a copy of
            done, found = self.validate(running, "--looks", "2")
            self.assertEqual((done.returncode, found["processes"][0]["damaged_objects"]), (1, 1), done.stderr)
            self.assertRegex(done.stderr, rb"BUG malloc-112 .*: Right Redzone overwritten")

    def test_a_signal_is_sent_to_nobody_who_does_not_listen(self):
        running = self.start("linger", words="")
        done = self.kmem("validate", str(running.pid))
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"validate_signal=N", done.stderr)
        running = self.start("linger", preload="")  # the word is there, and kmem is not
        done = self.kmem("validate", str(running.pid))
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"does not listen to signal 40", done.stderr)
        self.assertIsNone(running.poll())

    def test_one_that_does_not_answer_is_not_called_well(self):
        running = self.start("linger")
        running.send_signal(signal.SIGSTOP)
        done = self.kmem("validate", "--timeout", "1", str(running.pid))
        running.send_signal(signal.SIGCONT)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(b"does not answer", done.stderr)
        self.assertEqual(self.validate(running)[0].returncode, 0)  # the first look finds nobody, and the second us

    def test_the_same_signal_from_others_does_nothing(self):
        running = self.start("linger")
        running.send_signal(40)
        self.assertEqual(self.validate(running)[0].returncode, 0)

    def test_a_process_that_is_not_there(self):
        ended = subprocess.Popen(["/bin/true"])
        ended.wait()
        self.assertEqual(self.kmem("validate", str(ended.pid)).returncode, 125)


class FailNth(ToolTest):
    """CARELESS handles failure wrongly in the ways that its arguments name."""

    def sweep(self, *arguments, options=("--quiet",), status=None):
        done = self.kmem("fail-nth", "--library", LIBRARY, "--json", "--report", "out.json", *options, "--", *arguments)
        self.assertEqual(done.stdout, b"")
        with open(self.path("out.json")) as f:
            found = json.load(f)
        self.assertEqual(done.returncode, status if status is not None else 1 if found["findings"] else 0, done.stderr)
        return found

    def functions(self, finding):
        return [frame["function"] for frame in finding["failed"]["trace"]]

    def test_a_program_that_copes_is_found_nothing_in(self):
        found = self.sweep(CARELESS, options=["--quiet", "--both"])
        self.assertEqual(found["findings"], [])
        self.assertEqual([sweep["mode"] for sweep in found["sweeps"]], ["once", "forever"])
        for sweep in found["sweeps"]:
            self.assertGreater(sweep["points"], 3)
            self.assertEqual(sweep["runs"], sweep["points"] + 1)
            self.assertEqual(sum(sweep["failed"].values()), sweep["points"])

    def test_giving_up_with_an_error_is_no_finding(self):
        self.assertEqual(self.sweep(CARELESS, "give-up")["findings"], [])

    def test_a_crash_is_found_with_the_call_that_failed(self):
        (finding,) = self.sweep(CARELESS, "crash")["findings"]
        self.assertEqual((finding["kind"], finding["end"]["signal"]), ("crashed", signal.SIGSEGV))
        self.assertEqual((finding["failed"]["point"], finding["failed"]["gfp"]), ("failslab", "GFP_KERNEL"))
        trace = self.functions(finding)
        if not trace:
            self.skipTest("the tool was built without libdw")
        self.assertEqual(trace[:2], ["crash_without_memory", "main"])
        self.assertTrue(finding["failed"]["trace"][0]["file"].endswith("careless.c"))

    def test_a_leak_is_found_and_where_it_lies(self):
        (finding,) = self.sweep(CARELESS, "leak")["findings"]
        self.assertEqual((finding["kind"], finding["what"]), ("leaked", "1.0 KiB: 1.0 KiB in malloc-1024"))
        self.assertEqual(self.sweep(CARELESS, "leak", options=["--leaks", "never"])["findings"], [])
        self.assertEqual(self.sweep(CARELESS, "leak", options=["--slack", "1024"])["findings"], [])

    def test_a_hang_is_found_and_ended(self):
        found = self.sweep(CARELESS, "hang", options=["--forever", "--timeout", "3", "--jobs", "4"])
        self.assertEqual({finding["kind"] for finding in found["findings"]}, {"hung"})

    def test_a_misuse_is_found(self):
        (finding,) = self.sweep(CARELESS, "twice")["findings"]
        self.assertEqual(finding["kind"], "misused")
        self.assertIn("double free", finding["what"])

    def test_a_program_in_cxx_that_copes_is_found_nothing_in(self):
        text = self.file("text", b"memory is short and life is long and text is neither\n" * 3)
        found = self.sweep(WORD_COUNT, text, options=["--quiet", "--both", "--jobs", "2"])
        self.assertEqual(found["findings"], [])
        self.assertGreater(found["sweeps"][0]["failed"]["failslab"], 10)

    def test_exceptions_that_nobody_catches_are_found_where_they_began(self):
        for how, function in (("noexcept", "length_of_copy"), ("destructor", "Log::~Log()")):
            found = self.sweep(CARELESS_CXX, how)["findings"]
            self.assertEqual([(f["kind"], f["end"]["signal"]) for f in found], [("crashed", signal.SIGABRT)], how)
            if trace := self.functions(found[0]):
                self.assertIn(function, trace[0])

    def test_a_leak_and_an_unchecked_null_of_operator_new_are_found(self):
        (finding,) = self.sweep(CARELESS_CXX, "leak")["findings"]
        self.assertEqual((finding["kind"], finding["what"]), ("leaked", "2.0 KiB: 2.0 KiB in malloc-2048"))
        (finding,) = self.sweep(CARELESS_CXX, "nothrow")["findings"]
        self.assertEqual((finding["kind"], finding["end"]["signal"]), ("crashed", signal.SIGSEGV))

    def test_one_n_alone_is_the_same_as_in_the_sweep(self):
        (whole,) = self.sweep(CARELESS, "crash")["findings"]
        n = str(whole["n"])
        found = self.sweep(CARELESS, "crash", options=["--from", n, "--to", n])
        self.assertEqual([finding["n"] for finding in found["findings"]], [whole["n"]])
        self.assertEqual(found["sweeps"][0]["runs"], 1)
        self.assertEqual(self.sweep(CARELESS, "crash", options=["--to", str(whole["n"] - 1)])["findings"], [])

    def test_several_at_a_time_find_the_same(self):
        one = self.sweep(CARELESS, "crash", "leak")
        four = self.sweep(CARELESS, "crash", "leak", options=["--jobs", "4"])
        self.assertEqual([(f["n"], f["kind"]) for f in one["findings"]], [(f["n"], f["kind"]) for f in four["findings"]])

    def test_children_count_too(self):
        found = self.sweep("/bin/sh", "-c", f"{CARELESS} crash; exit 0", options=["--from", "1", "--step", "1"])
        self.assertIn("misused" if not found["findings"] else found["findings"][0]["kind"],
                      ("crashed", "leaked", "misused"))

    def test_a_person_reads_what_was_found(self):
        done = self.kmem("fail-nth", "--library", LIBRARY, "--", CARELESS, "crash")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout.decode(), r"n = \d+: crashed by signal 11 \(Segmentation fault\)\n  failed: failslab, \d+ bytes")
        self.assertRegex(done.stdout.decode(), r"once: \d+ runs, \d+ points \(.*\); 1 crashed\n$")
        self.assertIn(b"failure points where nothing fails", done.stderr)

    def test_input_is_the_same_for_every_run(self):
        self.file("input", b"some words\n")
        self.assertEqual(self.sweep("/bin/sh", "-c", "read line; test \"$line\" = 'some words' || kill -SEGV $$",
                                    options=["--input", "input", "--to", "3"])["findings"], [])

    def test_what_cannot_be_done_is_said(self):
        for arguments in ([], ["--", "/no/such/program"], ["--leaks", "perhaps", "--", "/bin/true"], ["--jobs", "0", "--", "x"],
                          ["--wrong", "--", "/bin/true"], ["--timeout", "0.2", "--", "/bin/sleep", "5"]):
            done = self.kmem("fail-nth", "--library", LIBRARY, *arguments)
            self.assertIn(done.returncode, (125, 127), arguments)
            self.assertNotEqual(done.stderr, b"", arguments)


class Completions(ToolTest):
    """What shells offer is what the tool takes."""

    def bash(self, *words):
        script = self.kmem("completion", "bash").stdout.decode() + \
            "\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _kmem; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
        return subprocess.run(["bash", "-c", script, "bash", "kmem", *words], capture_output=True, check=True).stdout.decode().split()

    def test_bash_offers_commands_options_and_values(self):
        commands = re.findall(r"^  ([a-z][a-z-]+) ", self.kmem("--help").stdout.decode(), re.M)
        self.assertLessEqual({c for c in commands if c != "kmem"}, set(self.bash("")))
        self.assertEqual(self.bash("fail"), ["fail-nth"])
        self.assertIn("--report-file", self.bash("run", "--rep"))
        self.assertEqual(self.bash("fail-nth", "--leaks", "n"), ["never"])
        self.assertEqual(self.bash("inspect", "4711", "what"), ["whatis"])
        self.assertIn("sh", self.bash("run", "--", "sh"))

    def test_every_option_of_every_command_is_offered_by_each_shell(self):
        commands = re.findall(r"^  ([a-z][a-z-]+)  ", self.kmem("--help").stdout.decode().split("Subcommands:")[1]
                              .split("Examples:")[0], re.M)
        self.assertGreater(len(commands), 15)
        made = {shell: self.kmem("completion", shell).stdout.decode() for shell in ("bash", "zsh", "fish")}
        for command in commands:
            help_text = self.kmem(command, "--help").stdout.decode().split("Options:")[1]
            for option in re.findall(r"^  (?:-\w,)?--([a-z-]+)", help_text, re.M):
                self.assertIn("--" + option, made["bash"])
                self.assertIn(f"--{option}[", made["zsh"])
                self.assertRegex(made["fish"], f"seen_subcommand_from {command}'.* -l {option} ")

    def test_each_shell_can_read_its_own(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
            if shutil.which(shell):
                path = self.file("completion", self.kmem("completion", shell).stdout)
                done = subprocess.run([*check, "completion"], cwd=self.folder, capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, b""), shell)

    def test_another_shell_has_none(self):
        self.assertEqual(self.kmem("completion", "csh").returncode, 125)


class ContinuousIntegration(ToolTest):
    """kmem-ci: what a server shows."""

    def ci(self, *words):
        tool = os.path.join(os.path.dirname(DOCS), "tools", "kmem-ci")
        return subprocess.run([PYTHON, tool, "--kmem", KMEM, *words], capture_output=True, cwd=self.folder, env=self.environment,
                              text=True, timeout=600, check=False)

    def test_what_is_found_is_in_the_xml_and_in_the_status(self):
        done = self.ci("--only", "fail-nth", "--only", "validate", "--junit", "out.xml", "--annotate", "--", CARELESS, "crash")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        suite = xml.etree.ElementTree.parse(self.path("out.xml")).getroot()
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("errors")), ("2", "1", "0"))
        self.assertIn("crashed by signal 11", suite.find("testcase/failure").get("message"))
        self.assertRegex(done.stdout, r"(?m)^::error file=\S*careless.c,line=\d+::kmem fail-nth: n = ")

    def test_a_program_without_fault_passes_and_one_that_is_not_there_is_an_error(self):
        self.assertEqual(self.ci("--only", "plain", "--only", "validate", "--", "/bin/true").returncode, 0)
        self.assertEqual(self.ci("--only", "fail-nth", "--", "/no/such/program").returncode, 125)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[7:])
