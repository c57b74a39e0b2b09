#!/usr/bin/env python3
"""Profiles from outside, and probes: profile_test.py KMEM LIBRARY LOOKED_AT STATIC PROFILED [unittest's options]"""
import gzip
import json
import math
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from looking import *

PROFILED = os.path.abspath(sys.argv.pop(5))
PERIOD = 16 << 10


# What a reader of a flame graph does.
CLICKS = """<script>
const told = {};
const boxes = () => [...document.querySelectorAll("#graph div")];
const name = box => box.firstChild ? box.firstChild.textContent : "";
const names = () => boxes().map(name);
const type = text => { const box = document.getElementById("search"); box.value = text; box.dispatchEvent(new Event("input")); };
told.title = document.getElementById("title").textContent;
told.live = names();
document.querySelector("[data-by=allocated]").click(); told.allocated = names();
type("^chu"); told.hit = document.getElementById("found").textContent;
told.hits = boxes().filter(box => box.className === "hit").map(name);
boxes().find(box => box.className === "hit").click();
told.about = document.getElementById("about").textContent; told.zoomed = names();
document.getElementById("whole").click(); told.whole = names();
document.body.appendChild(document.createElement("pre")).id = "told";
document.getElementById("told").textContent = JSON.stringify(told);
</script>"""


class Profiled(Looked):
    def __init__(self, words=f"profile={PERIOD}", folder=None):
        super().__init__(program=PROFILED, words=words, folder=folder)

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def does(self, line):
        self.tell(line)
        assert self.process.stdout.readline() == b"done\n"

    def gdb(self, *commands):
        if not shutil.which("gdb"):
            raise unittest.SkipTest("there is no gdb")
        return subprocess.run(["gdb", "-q", "-batch", "-nx", "-p", str(self.pid), *(word for one in commands for word in ("-ex", one))],
                              capture_output=True, text=True, check=False, timeout=300, env=environment(False)).stdout

    def __exit__(self, *rest):
        self.process.kill()
        super().__exit__(*rest)


def profile(pid, *arguments):
    return json.loads(kmem("profile", pid, "--format", "json", *arguments).stdout)


def of(taken, function, what):
    """Bytes, objects, variance and samples of all chains with the function in them."""
    found = [stack[what] for stack in taken["stacks"] if any(frame[0] == function for frame in stack["frames"])]
    return [sum(column) for column in zip(*found)] or [0, 0, 0, 0]


def fields(message):
    """Of a message of protocol buffers: (number, value)."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        value = varint()
        if key & 7 == 2:
            value, at = message[at:at + value], at + value
        yield key >> 3, value


class ProfileTest(unittest.TestCase):
    def about(self, found, truth):
        """Within six standard deviations."""
        self.assertLess(abs(found[0] - truth), 6 * math.sqrt(found[2]) + truth / 1000, (found, truth))
        self.assertGreater(found[3], 100)

    def test_estimates_agree_with_what_was_allocated(self):
        with Profiled() as looked:
            looked.does("keep 1000 20000")
            looked.does("churn 48 400000")
            looked.does("keep 50000 400")
            looked.does("churn 3000000 50")
            taken = profile(looked.pid, "--since-start", "--seconds", 0.1)
            self.about(of(taken, "keep", "live"), 20000 * 1000 + 50000 * 400)
            self.about(of(taken, "keep", "allocated"), 20000 * 1000 + 50000 * 400)
            self.about(of(taken, "churn", "allocated"), 400000 * 48 + 50 * 3000000)
            self.assertEqual(of(taken, "churn", "live")[3], 0)
            self.assertEqual(taken["lost"], 0)
            self.assertEqual(taken["period"], PERIOD)
            for stack in taken["stacks"]:
                names = [frame[0] for frame in stack["frames"]]
                if "keep" in names:
                    self.assertEqual(names[:2], ["keep", "main"])
            self.assertEqual(kmem("inspect", looked.pid, "verify").returncode, 0)

    def test_a_process_that_never_leaves_the_fast_path_is_switched_on(self):
        with Profiled(words="") as looked:
            looked.does("churn 64 1000")
            looked.tell("spin")
            taken = profile(looked.pid, "--seconds", 2, "--period", "4K")
            self.assertGreater(of(taken, "churn", "allocated")[3], 0)
            self.assertEqual(taken["period"], 4096)

    def test_a_process_that_does_nothing(self):
        with Profiled(words="") as looked:
            # Its first scanf() allocates a buffer, at some moment after it says that it is ready.
            looked.does("keep 1 0")
            self.assertIn("has not allocated", kmem("profile", looked.pid, "--seconds", 0.1, status=125).stderr)

    def test_what_is_not_there(self):
        self.assertIn("there is none", kmem("profile", 999999999, status=125).stderr)
        self.assertIn("a size is wanted", kmem("profile", os.getpid(), "--period", "x", status=125).stderr)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write("{}")
            file.flush()
            self.assertIn("no profile", kmem("profile", file.name, status=125).stderr)

    def test_formats(self):
        with Profiled() as looked, tempfile.TemporaryDirectory() as folder:
            looked.does("keep 2000 5000")
            looked.does("churn 500 5000")
            file = os.path.join(folder, "a.json")
            kmem("profile", looked.pid, "--since-start", "--seconds", 0.1, "-o", file)
            with open(file, encoding="utf-8") as text:
                kept = of(json.load(text), "keep", "live")
            self.assertRegex(kmem("profile", file).stdout, r"MiB ± [\d.]+ KiB live, oldest [\d.]+ s .*\n    keep  profiled.c:\d+\n    main")
            # Two addresses in one line are one row.
            with open(file, encoding="utf-8") as text:
                twice = json.load(text)
            twice["stacks"] *= 2
            with open(file + "2", "w", encoding="utf-8") as text:
                json.dump(twice, text)
            self.assertEqual(kmem("profile", file + "2", "--limit", 0).stdout.count(" live, oldest "), kmem("profile", file, "--limit", 0).stdout.count(" live, oldest "))
            folded = kmem("profile", file, "--format", "folded").stdout
            self.assertEqual(int(re.search(r"(?m);main;keep (\d+)$", folded)[1]), round(kept[0]))
            self.assertNotIn("churn", folded)
            self.assertIn(";main;churn ", kmem("profile", file, "--format", "folded", "--allocated").stdout)
            self.check_pprof(file, os.path.join(folder, "a.pb.gz"), kept)
            self.check_speedscope(file, os.path.join(folder, "a.speedscope.json"))
            kmem("profile", file, "-o", os.path.join(folder, "a.html"))
            with open(os.path.join(folder, "a.html"), encoding="utf-8") as page:
                text = page.read()
            self.assertNotRegex(text, r"https?://")
            self.assertIn('"keep"', text)
            same = json.loads(kmem("profile", file, "--diff", file, "--format", "json").stdout)
            self.assertEqual([stack[what][0] for stack in same["stacks"] for what in ("live", "allocated")], [0] * 2 * len(same["stacks"]))

    def check_speedscope(self, source, file):
        kmem("profile", source, "-o", file)
        with open(file, encoding="utf-8") as text:
            scope = json.load(text)
        with open(source, encoding="utf-8") as text:
            stacks = json.load(text)["stacks"]
        # What its schema asks of a file and of a sampled profile.
        self.assertEqual(scope["$schema"], "https://www.speedscope.app/file-format-schema.json")
        frames = [frame["name"] for frame in scope["shared"]["frames"]]
        self.assertEqual([one["name"] for one in scope["profiles"]], ["live", "allocated"])
        self.assertEqual(scope["activeProfileIndex"], 0)
        for one in scope["profiles"]:
            self.assertEqual((one["type"], one["unit"], one["startValue"]), ("sampled", "bytes", 0))
            self.assertEqual(len(one["samples"]), len(one["weights"]))
            self.assertTrue(all(weight > 0 for weight in one["weights"]))
            self.assertEqual(sum(one["weights"]), one["endValue"])
            self.assertLess(abs(one["endValue"] - sum(stack[one["name"]][0] for stack in stacks)), len(stacks))
            chains = {tuple(frames[number] for number in chain) for chain in one["samples"]}
            self.assertEqual(chains, {tuple(frame[0] for frame in reversed(stack["frames"])) for stack in stacks if stack[one["name"]][0]})
        # Of a difference to twice as much, all is less.
        with open(source, encoding="utf-8") as text:
            twice = json.load(text)
        for stack in twice["stacks"]:
            for what in ("live", "allocated"):
                stack[what][0] *= 2
        with tempfile.NamedTemporaryFile("w", suffix=".json") as base:
            json.dump(twice, base)
            base.flush()
            scope = json.loads(kmem("profile", source, "--diff", base.name, "--format", "speedscope").stdout)
        self.assertEqual([(one["name"], one["endValue"] > 0) for one in scope["profiles"]],
                         [("live", False), ("live, less than before", True), ("allocated", False), ("allocated, less than before", True)])

    def check_pprof(self, source, file, kept):
        kmem("profile", source, "-o", file)
        with open(file, "rb") as read:
            text = read.read()
        all_fields = list(fields(gzip.decompress(text) if text[:2] == b"\x1f\x8b" else text))
        strings = [value.decode() for number, value in all_fields if number == 6]
        self.assertEqual(strings[0], "")
        functions = {dict(fields(value))[1]: strings[dict(fields(value))[2]] for number, value in all_fields if number == 5}
        locations = {}
        for number, value in all_fields:
            if number == 4:
                one = dict(fields(value))
                locations[one[1]] = functions[dict(fields(one[4]))[1]]
        types = [strings[dict(fields(value))[1]] for number, value in all_fields if number == 1]
        self.assertEqual(types, ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"])
        live = 0
        for number, value in all_fields:
            if number != 2:
                continue
            sample = dict(fields(value))
            # Packed numbers read like fields of no message: each byte below 128 ends one.
            unpack = lambda packed: [value for _, value in fields(b"".join(b"\x08" + one for one in re.findall(rb"[\x80-\xff]*[\x00-\x7f]", packed, re.S)))]
            if "keep" in [locations[location] for location in unpack(sample[1])]:
                live += unpack(sample[2])[3]
        self.assertLess(abs(live - kept[0]), 10)


    def test_a_process_that_did_nothing_meanwhile_is_as_fast_as_before(self):
        """The tool closes the fast paths; the next call opens them, also when nobody samples any more."""
        with Profiled(words="") as looked:
            looked.does("keep 1 0")
            kmem("profile", looked.pid, "--seconds", 0.1, status=125)
            looked.does("keep 64 3")
            limit = int(re.search(r"\$\d+ = (\d+)", looked.gdb("p *(unsigned long*)&kmem_malloc_limit"))[1])
            self.assertGreater(limit, 0)

    @unittest.skipUnless(os.uname().machine == "x86_64", "the generated code is of x86-64")
    def test_generated_code_has_the_names_that_its_map_gives(self):
        with Profiled() as looked:
            looked.does("jit 1000 20000")
            try:
                taken = profile(looked.pid, "--since-start", "--seconds", 0.1)
            finally:
                os.unlink(f"/tmp/perf-{looked.pid}.map")
            self.about(of(taken, "Lua::a function", "live"), 20000 * 1000)
            chains = [[frame[0] for frame in stack["frames"]] for stack in taken["stacks"] if stack["live"][3] > 100]
            self.assertEqual([chain[:2] for chain in chains], [["keep", "Lua::a function"]])

    def test_another_user_is_refused(self):
        if os.geteuid() or not shutil.which("setpriv"):
            self.skipTest("only root can become another user, with setpriv")
        with Profiled() as looked, tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            tool = shutil.copy(KMEM, folder)
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", tool, "profile", str(looked.pid)],
                                  capture_output=True, text=True, timeout=300, env=environment(False), check=False)
            self.assertEqual((done.returncode, done.stdout), (125, ""), done.stderr)
            self.assertIn(f"process {looked.pid} may not be read: that needs the right to trace it (same user, or CAP_SYS_PTRACE", done.stderr)
            looked.does("keep 1000 1000")  # and it goes on

    def test_a_process_in_a_container(self):
        """From outside, with the names of functions in a file that has another path there."""
        bwrap = shutil.which("bwrap")
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(PROFILED, os.path.join(folder, "service"))
            shutil.copy(LIBRARY, os.path.join(folder, "malloc.so"))
            inside = [bwrap or "", "--unshare-all", "--ro-bind", "/", "/", "--ro-bind", folder, "/mnt", "--dev", "/dev", "--proc", "/proc",
                      "--setenv", "LD_PRELOAD", "/mnt/malloc.so"]
            if not bwrap or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
                self.skipTest("there is no bwrap, or it may not make a container here")
            process = subprocess.Popen([*inside, "/mnt/service"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(False))
            try:
                self.assertEqual(process.stdout.readline(), b"ready\n")
                pid = next(int(pid) for pid in os.listdir("/proc") if pid.isdigit() and self.is_below(int(pid), process.pid, "service"))
                process.stdin.write(b"churn 1000 4000000\n" * 20)
                process.stdin.flush()
                taken = profile(pid, "--seconds", 1, "--period", PERIOD)
                self.assertGreater(of(taken, "churn", "allocated")[3], 0)
                self.assertIn("churn", [frame[0] for stack in taken["stacks"] for frame in stack["frames"]])
            finally:
                process.kill()
                process.communicate()

    def is_below(self, pid, ancestor, name):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                found, parent = re.match(r"\d+ \((.*)\) \S (\d+)", stat.read()).groups()
            if found != name:
                return False
            while int(parent) > 1 and int(parent) != ancestor:
                with open(f"/proc/{parent}/stat", encoding="utf-8") as stat:
                    parent = re.match(r"\d+ \(.*\) \S (\d+)", stat.read())[1]
            return int(parent) == ancestor
        except (OSError, TypeError):
            return False

    def test_the_flame_graph_in_a_browser(self):
        with Profiled() as looked, tempfile.TemporaryDirectory() as folder:
            looked.does("keep 2000 5000")
            looked.does("churn 500 50000")
            page = os.path.join(folder, "a.html")
            kmem("profile", looked.pid, "--since-start", "--seconds", 0.1, "-o", page)
            with open(page, encoding="utf-8") as file:
                text = file.read()
        told = told_by_browser(self, text, CLICKS, 800)
        self.assertIn("profiled (process ", told["title"])
        self.assertIn("keep", told["live"])
        self.assertNotIn("churn", told["live"])
        self.assertIn("churn", told["allocated"])
        self.assertRegex(told["hit"], r"MiB.* found")
        self.assertEqual(told["hits"], ["churn"])
        self.assertRegex(told["about"], r"^churn\n.*profiled.c:\d+\n[\d.]+ MiB \u00b1 [\d.]+ [KM]iB, [\d.]+ %")
        self.assertNotIn("keep", told["zoomed"])
        self.assertIn("keep", told["whole"])


class OwnProfileTest(unittest.TestCase):
    """Profiles that a process writes of itself."""
    about = ProfileTest.about

    def run_profiled(self, lines, *arguments, program=(PROFILED,)):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "a.json")
            kmem("run", "--library", LIBRARY, "--profile", file, "--profile-period", PERIOD, *arguments, "--", *program,
                 input="\n".join(lines) + "\n")
            with open(file, encoding="utf-8") as text:
                return json.load(text)

    def test_of_a_whole_run(self):
        taken = self.run_profiled(["keep 1000 20000", "churn 48 400000", "keep 50000 400", "churn 3000000 50"])
        self.about(of(taken, "keep", "live"), 20000 * 1000 + 50000 * 400)
        self.about(of(taken, "churn", "allocated"), 400000 * 48 + 50 * 3000000)
        self.assertEqual(of(taken, "churn", "live")[3], 0)
        self.assertEqual((taken["name"], taken["period"], taken["lost"]), ("profiled", PERIOD, 0))
        for stack in taken["stacks"]:
            names = [frame[0] for frame in stack["frames"]]
            if "keep" in names:
                self.assertEqual(names[:2], ["keep", "main"])

    def test_of_what_it_starts(self):
        script = ("sh", "-c", '"$0" < "$1"; "$0" < "$1"; exit 0', PROFILED)
        with tempfile.NamedTemporaryFile("w") as lines:
            lines.write("keep 1000 5000\n")
            lines.flush()
            followed = self.run_profiled([], "--follow", program=(*script, lines.name))
            alone = self.run_profiled([], program=(*script, lines.name))
        processes = {stack["frames"][-1][0] for stack in followed["stacks"] if "keep" in [frame[0] for frame in stack["frames"]]}
        self.assertEqual(len(processes), 2, processes)
        for process in processes:
            self.assertRegex(process, r"^profiled \(\d+\)$")
        self.about(of(followed, "keep", "live"), 2 * 5000 * 1000)
        self.assertEqual(of(alone, "keep", "live")[3], 0)

    def test_a_process_that_is_killed_leaves_none(self):
        with tempfile.TemporaryDirectory() as folder:
            done = kmem("run", "--library", LIBRARY, "--profile", os.path.join(folder, "a"), "--", "sh", "-c", "kill -9 $$", status=None)
        self.assertEqual(done.returncode, -9)
        self.assertIn("has left no heap profile", done.stderr)

    def test_by_a_signal(self):
        with tempfile.TemporaryDirectory() as folder:
            with Profiled(words="profile_signal=12", folder=folder) as looked:
                looked.does("keep 1000000 10")
                for number in (1, 2):
                    # The process has read a line, so the handler has run.
                    looked.process.send_signal(signal.SIGUSR2)
                    looked.does("keep 1000000 50")
                    looked.process.send_signal(signal.SIGUSR2)
                    looked.does("churn 1 1")
                    file = os.path.join(folder, f"kmem.{looked.pid}.{number}.heap")
                    taken = profile(file)
                    live = of(taken, "keep", "live")
                    self.assertLess(abs(live[0] - number * 50e6), 6 * math.sqrt(live[2]) + 1, live)
                    self.assertGreater(live[3], 10)
                    looked.does("keep 1000000 10")  # while nothing is sampled
                self.assertEqual(len(os.listdir(folder)), 2)

    def test_its_table_says_what_is_known(self):
        with tempfile.NamedTemporaryFile("w", suffix=".heap") as file:
            file.write("heap profile: 1: 100 [1: 100] @ heap_v2/4096\n1: 100 [1: 100] @ 0x1234\n")
            file.flush()
            self.assertRegex(kmem("profile", file.name).stdout, r"^[^,()\n]*, a sample in 4.0 KiB\n")

    def test_what_is_no_profile(self):
        for text in ("heap profile: x", "heap profile: 1: 1 [1: 1] @ heap_v2/0\n", "heap profile: 1: 1 [1: 1] @ heap_v2/9\n1: 1 [1: 1] @ y\n"):
            with tempfile.NamedTemporaryFile("w", suffix=".heap") as file:
                file.write(text)
                file.flush()
                self.assertIn("no heap profile", kmem("profile", file.name, status=125).stderr)
        self.assertIn("a size is wanted", kmem("run", "--profile", "a", "--profile-period", "x", "--", "true", status=125).stderr)


class ProbeTest(unittest.TestCase):
    def setUp(self):
        if not shutil.which("readelf"):
            self.skipTest("there is no readelf")
        self.notes = subprocess.run(["readelf", "-n", LIBRARY], capture_output=True, text=True, check=True).stdout
        if "stapsdt" not in self.notes:
            self.skipTest("the library was built without sys/sdt.h")

    def test_notes(self):
        found = re.findall(r"Provider: (\S+)\s+Name: (\S+)\s+Location: \S+, Base: \S+, Semaphore: (\S+)\s+Arguments: (.*)", self.notes)
        self.assertEqual(sorted((provider, name, len(arguments.split())) for provider, name, _, arguments in found),
                         [("otel_memory", "alloc", 3), ("otel_memory", "free", 1)])
        self.assertTrue(all(int(semaphore, 16) for _, _, semaphore, _ in found))

    def test_a_raised_semaphore_starts_the_sampling(self):
        semaphore = int(re.search(r"Name: alloc\s+Location: \S+, Base: \S+, Semaphore: (\S+),?", self.notes)[1], 16)
        with Profiled(words="") as looked:
            looked.does("keep 100 1000")
            with open(f"/proc/{looked.pid}/maps", encoding="utf-8") as maps:
                base = min(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(os.path.realpath(LIBRARY)))
            with open(f"/proc/{looked.pid}/mem", "r+b", buffering=0) as memory:
                memory.seek(base + semaphore)
                self.assertEqual(struct.unpack("H", memory.read(2)), (0,))
                memory.seek(base + semaphore)
                memory.write(struct.pack("H", 1))
            self.assertNotIn("sampled-16 ", kmem("slabinfo", looked.pid).stdout)
            looked.does("keep 100 10000")
            self.assertIn("sampled-16 ", kmem("slabinfo", looked.pid).stdout)

    def bpftrace(self, *arguments):
        if not shutil.which("bpftrace"):
            self.skipTest("there is no bpftrace")
        return subprocess.Popen(["bpftrace", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(False))

    def test_tracers_list_them(self):
        listed = self.bpftrace("-l", f"usdt:{os.path.realpath(LIBRARY)}:*").communicate(timeout=300)[0]
        if os.geteuid() and "otel_memory" not in listed:
            self.skipTest(f"bpftrace says: {listed}")
        self.assertEqual([line.split(":", 2)[2] for line in listed.split() if line.startswith("usdt:")], ["otel_memory:alloc", "otel_memory:free"])

    def test_a_tracer_hears_each_sample_and_its_free(self):
        """By uprobes, where the host lets one: sampling begins with the tracer, and ends with it."""
        path = os.path.realpath(LIBRARY)
        script = (f"usdt:{path}:otel_memory:alloc {{ @allocs = count(); @bytes = sum(arg2); if (@out[arg0] != 0) {{ @wrong = count(); }} @out[arg0] = arg1; }}"
                  f"usdt:{path}:otel_memory:free {{ @frees = count(); if (@out[arg0] == 0) {{ @wrong = count(); }} delete(@out[arg0]); }}")
        with Profiled(words="") as looked:
            tracer = self.bpftrace("-p", str(looked.pid), "-e", script)
            try:
                while not (semaphore := self.semaphore(looked.pid)) and tracer.poll() is None:
                    time.sleep(0.05)
                if not semaphore:
                    self.skipTest(f"there are no uprobes for us here: {tracer.communicate()[0][-300:]}")
                times, size = 1_000_000, 1000
                looked.does(f"keep {size} 1000")  # notices it
                looked.does(f"churn {size} {times}")
                tracer.send_signal(signal.SIGINT)
                told = tracer.communicate(timeout=300)[0]
            finally:
                tracer.kill()
            self.assertEqual(self.semaphore(looked.pid), 0)
        count = {name: int(value) for name, value in re.findall(r"@(\w+): (\d+)", told)}
        out = len(re.findall(r"@out\[", told))
        self.assertEqual(count.get("wrong", 0), 0, told)
        self.assertEqual(count["allocs"], count["frees"] + out, told)
        self.assertLessEqual(out, 20)  # of what is kept
        truth = size * times
        self.assertLess(abs(count["bytes"] - truth), 6 * math.sqrt(truth * (512 << 10)) + 1000 * size, told)

    def semaphore(self, pid):
        at = int(re.search(r"Name: alloc\s+Location: \S+, Base: \S+, Semaphore: (\S+),?", self.notes)[1], 16)
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            base = min(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(os.path.realpath(LIBRARY)))
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(base + at)
            return struct.unpack("H", memory.read(2))[0]


if __name__ == "__main__":
    run_tests()
