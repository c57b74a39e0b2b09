#!/usr/bin/env python3
"""Looking into processes from outside: look_test.py KMEM LIBRARY LOOKED_AT STATIC [unittest's options]"""
import fcntl
import json
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
import urllib.error
import urllib.request

from looking import *

DASHBOARD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs/grafana-dashboard.json")


class Live(unittest.TestCase):
    def cache_of(self, report, size):
        fitting = [c for c in report["caches"] if c["name"].startswith("malloc-") and c["object_size"] >= size]
        return min(fitting, key=lambda c: c["object_size"])

    def test_the_report_of_a_process_that_knows_nothing_of_it(self):
        with Looked() as looked:
            report = json.loads(kmem("json", looked.pid).stdout)
            self.assertEqual(report["skipped"], [])
            self.assertEqual(report["lost_bytes"], 0)
            self.assertEqual(report["process"]["pid"], looked.pid)
            self.assertEqual(report["process"]["name"], os.path.basename(LOOKED_AT)[:15])
            cache = self.cache_of(report, SIZE)
            # The first blocks of a size, and one now and then, come from checked caches.
            self.assertGreater(cache["active_objs"], BLOCKS * 0.9)
            self.assertLess(cache["active_objs"], BLOCKS * 1.2)
            self.assertGreaterEqual(report["mapped"]["count"], 1)  # and what lies between guard pages
            self.assertGreaterEqual(report["mapped"]["bytes"], 32 << 20)

    def test_the_same_of_a_program_that_kmem_is_linked_into(self):
        with Looked(program=STATIC, preload=False) as looked:
            report = json.loads(kmem("json", looked.pid).stdout)
            self.assertGreater(self.cache_of(report, SIZE)["active_objs"], BLOCKS * 0.9)
            self.assertEqual(report["module"], os.path.realpath(STATIC))

    def test_it_is_what_the_process_says_itself(self):
        with Looked() as looked:
            outside = json.loads(kmem("json", looked.pid).stdout)
        out = subprocess.run([KMEM, "run", "--library", LIBRARY, "--json", "/dev/stdout", "--", LOOKED_AT], check=True,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(False)).stdout
        inside = json.loads(out[out.index("{"):])["processes"][0]
        for name in ("machine", "check"):
            self.assertEqual(set(outside[name]), set(inside[name]))
        self.assertEqual(outside["machine"], inside["machine"])
        self.assertEqual([c["name"] for c in outside["caches"]], [c["name"] for c in inside["caches"]])
        zones = [[(z["node"], z["name"], z["min"], z["spanned"], len(z["pcps"])) for z in r["zones"]] for r in (outside, inside)]
        self.assertEqual(zones[0], zones[1])

    def test_the_kernels_formats(self):
        first = {"slabinfo": "slabinfo - version: 2.1", "buddyinfo": "Node 0, zone", "zoneinfo": "Node 0, zone",
                 "meminfo": "MemTotal:", "iomem": "0", "pagetypeinfo": "Page block order:", "report": "kmem: looked_at"}
        with Looked() as looked:
            for name, beginning in first.items():
                text = kmem(name, looked.pid).stdout
                self.assertIn(beginning, text.split("\n")[0], name)
            self.assertEqual(kmem("vmallocinfo", looked.pid).stdout, "")
            self.assertRegex(kmem("slabinfo", looked.pid).stdout, r"malloc-704 +\d+")

    def test_slabtop_reads_it(self):
        apart = ["unshare", "--mount"]
        if not shutil.which("slabtop") or not shutil.which("unshare"):
            self.skipTest("there is no slabtop, or no unshare")
        with Looked() as looked, tempfile.NamedTemporaryFile("w") as now:
            now.write(kmem("slabinfo", looked.pid).stdout)
            now.flush()
            mount = f"mount --bind {now.name} /proc/slabinfo || exit 77; slabtop -o"
            done = subprocess.run([*apart, "sh", "-c", mount], capture_output=True, text=True, check=False, env={**environment(False), "TERM": "dumb"})
        if done.returncode == 77 or "unshare" in done.stderr:
            self.skipTest("a file cannot be mounted over /proc/slabinfo here")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^ *\d+ +\d+ +\d+% +0\.69K +.*malloc-704")

    def test_boot_words_and_nodes(self):
        with Looked(words="mem=256M numa=fake=2 slub_debug=FZPU") as looked:
            report = json.loads(kmem("json", looked.pid).stdout)
            self.assertEqual(report["machine"]["nr_nodes"], 2)
            self.assertEqual(report["machine"]["boot_words"], "mem=256M numa=fake=2 slub_debug=FZPU")
            self.assertEqual(report["skipped"], [])

    def test_without_restartable_sequences(self):
        with Looked(words="rseq=off") as looked:
            report = json.loads(kmem("json", looked.pid).stdout)
            self.assertEqual(report["machine"]["cpu_stack"], "per-thread")
            self.assertGreater(self.cache_of(report, SIZE)["active_objs"], BLOCKS * 0.9)

    def test_looks_do_not_touch_the_process(self):
        with Looked() as looked:
            def facts():
                with open(f"/proc/{looked.pid}/maps") as maps, open(f"/proc/{looked.pid}/status") as status:
                    return maps.read(), re.search(r"VmPTE:.*|Threads:.*", status.read())[0]
            before = facts()
            for _ in range(3):
                kmem("json", looked.pid)
            self.assertEqual(facts(), before)

    def test_under_load_the_figures_add_up(self):
        with Looked("busy") as looked:
            for _ in range(20):
                report = json.loads(kmem("json", looked.pid).stdout)
                self.assertEqual(report["skipped"], [])
                for cache in report["caches"]:
                    self.assertLessEqual(cache["active_objs"], cache["num_objs"] + 2 * 126 * 8, cache)
                self.assertGreater(self.cache_of(report, SIZE)["active_objs"], BLOCKS * 0.9)

    def test_ps_finds_it(self):
        with Looked() as looked:
            lines = kmem("ps").stdout.split("\n")
            self.assertRegex(lines[0], "PID +NAME +RESIDENT +HELD +OUT +GIVEN BACK +TOP CACHE")
            mine = [line.split() for line in lines if line.split()[:1] == [str(looked.pid)]]
            self.assertEqual([line[1] for line in mine], ["looked_at"[:15]])
            self.assertIn("malloc-704", mine[0])
            listed = json.loads(kmem("ps", "--json", "--sort", "pid").stdout)
            self.assertIn(looked.pid, [p["process"]["pid"] for p in listed["processes"]])

    def test_where_all_processes_have_the_same_addresses(self):
        if not shutil.which("setarch") or subprocess.run(["setarch", "-R", "true"], capture_output=True, check=False).returncode:
            self.skipTest("addresses cannot be fixed here")
        for arguments in ({}, {"program": STATIC, "preload": False}):
            with Looked(fixed=True, **arguments) as looked:
                for question in (["inspect", looked.pid, "verify"], ["json", looked.pid], ["ps"]):
                    done = subprocess.run(["setarch", "-R", KMEM, *map(str, question)], capture_output=True, text=True, check=True,
                                          env=environment(False), timeout=600)
                    self.assertNotIn("in use", done.stdout + done.stderr)

    def test_in_another_container(self):
        """Its own numbers of processes, its own files: what it runs on is found all the same."""
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if not shutil.which("unshare") or subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
            self.skipTest("no container can be made here")
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, True)
        inside = f"mount -t tmpfs none {folder} && cp {LIBRARY} {folder}/libinner.so && LD_PRELOAD={folder}/libinner.so exec {LOOKED_AT}"
        outer = subprocess.Popen([*apart, "sh", "-c", inside], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 env=environment(False))
        try:
            if not outer.stdout.readline().startswith(b"ready"):
                self.skipTest("no files of its own can be mounted here")
            with open(f"/proc/{outer.pid}/task/{outer.pid}/children", encoding="ascii") as children:
                pid = int(children.read())
            report = json.loads(kmem("json", pid).stdout)
            self.assertEqual((report["process"]["pid"], report["module"], report["skipped"]), (pid, f"{folder}/libinner.so", []))
            self.assertGreater(self.cache_of(report, SIZE)["active_objs"], BLOCKS * 0.9)
            self.assertIn(str(pid), [line.split()[0] for line in kmem("ps").stdout.split("\n") if line])
            self.assertEqual(json.loads(kmem("inspect", pid, "verify", "--json").stdout)["broken"], [])
        finally:
            outer.communicate(timeout=600)

    def test_what_is_not_there_is_said(self):
        other = subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=environment(False))
        self.addCleanup(lambda: (other.stdin.close(), other.wait(600)))
        self.assertIn("has no kmem", kmem("json", other.pid, status=125).stderr)
        self.assertIn("there is none", kmem("json", 999999999, status=125).stderr)
        self.assertIn("No such file", kmem("json", "/no/such/file", status=125).stderr)
        self.assertIn("neither a process nor a core", kmem("json", KMEM, status=125).stderr)
        self.assertIn("of what?", kmem("slabinfo", status=125).stderr)
        with Looked() as looked:
            self.assertIn("has no kmem", kmem("json", looked.pid, "--module", "libnot", status=125).stderr)


class Inspect(unittest.TestCase):
    """The questions, of one process that knows what the answers are."""

    @classmethod
    def setUpClass(cls):
        cls.looked = Looked(words="slub_debug=FZPU")
        cls.plain = Looked()

    @classmethod
    def tearDownClass(cls):
        cls.looked.__exit__()
        cls.plain.__exit__()

    def ask(self, *words, status=0, of=None):
        return json.loads(kmem("inspect", (of or self.looked).pid, *words, "--json", status=status).stdout)

    def test_status_and_caches(self):
        self.assertIn("1 thread", kmem("inspect", self.plain.pid).stdout)
        self.assertEqual(self.ask("status")["process"]["pid"], self.looked.pid)
        self.assertRegex(kmem("inspect", self.plain.pid, "caches").stdout, r"CACHE.*\n +malloc-704 +704 ")

    def test_whatis_of_an_object_and_its_inside(self):
        for of in (self.looked, self.plain):
            what = self.ask("whatis", hex(of.list + 300), of=of)
            self.assertEqual((what["kind"], what["state"], what["start"], what["offset"]), ("object", "out", of.list, 300))
            self.assertEqual(what["cache"], "malloc-704")
        owner = self.ask("whatis", self.looked.list)["allocated"]
        self.assertEqual(owner["task"], self.looked.pid)
        text = kmem("inspect", self.looked.pid, "whatis", self.looked.list).stdout
        self.assertRegex(text, r"(?m)^ +fill +looked_at\.c:\d+ ")

    def test_whatis_of_all_else(self):
        self.assertEqual(self.ask("whatis", self.plain.large + 5000, of=self.plain)["kind"], "mapped")
        self.assertEqual(self.ask("whatis", 16)["kind"], "not kmem's")
        self.assertEqual(self.ask("whatis", 2**64 - 1)["kind"], "not kmem's")
        frame = self.ask("whatis", self.plain.list, of=self.plain)["frame"]
        descriptor = self.ask("frame", frame, of=self.plain)
        self.assertEqual((descriptor["kind"].split()[0], descriptor["free"]), ("slab", False))
        self.assertEqual(self.ask("whatis", descriptor["descriptor"], of=self.plain)["what"], "a frame's descriptor")
        self.assertFalse(self.ask("frame", 2**63)["online"])

    def test_all_objects_of_a_cache(self):
        objects = self.ask("cache", "malloc-704", "--limit", 0)["objects"]
        self.assertGreater(len(objects), BLOCKS * 0.9)
        self.assertEqual({o["state"] for o in objects}, {"out"})
        self.assertIn(self.looked.list, [o["start"] for o in objects])
        by_age = self.ask("cache", "malloc-704", "--limit", 5, "--sort", "age")["objects"]
        times = [o["allocated"]["when"] for o in by_age]
        self.assertEqual(times, sorted(times))
        self.assertEqual(times[0], min(o["allocated"]["when"] for o in objects))
        kinds = {o["state"] for o in self.ask("cache", "malloc-704", "--limit", 0, "--state", "all", of=self.plain)["objects"]}
        self.assertIn("out", kinds)
        self.assertTrue(kinds <= {"out", "free", "cached", "held"})
        self.assertIn("there is no cache", kmem("inspect", self.plain.pid, "cache", "nobody's", status=125).stderr)

    def test_dump(self):
        text = kmem("inspect", self.plain.pid, "dump", self.plain.large, 32).stdout
        self.assertIn("01 01 01 01 01 01 01 01  01 01", text)
        dump = self.ask("dump", self.plain.list, of=self.plain)
        self.assertEqual(len(dump["bytes"]), 2 * 704)

    def test_who_points_to_it_and_from_where(self):
        first = self.ask("refs", self.plain.list, of=self.plain)
        self.assertEqual(first["references"][0]["kind"], "not kmem's")
        # The list's second node is reached through its first, which a variable leads to.
        second = int.from_bytes(bytes.fromhex(self.ask("dump", self.plain.list, 8, of=self.plain)["bytes"]), "little")
        found = self.ask("refs", second, of=self.plain)
        self.assertEqual([r["start"] for r in found["references"]], [self.plain.list])
        self.assertEqual([step["word"] for step in found["chain"]], [self.plain.list, second])
        self.assertIn("list", kmem("inspect", self.plain.pid, "refs", second).stdout)

    def test_leaks(self):
        for of in (self.looked, self.plain):
            for more in ([], ["--stop"]):
                found = self.ask("leaks", *more, status=1, of=of)
                self.assertEqual([leak["size"] in (5000, 5120) for leak in found["leaks"]], [True, True], found["leaks"])
                self.assertGreater(found["totals"]["blocks"], BLOCKS)

    def test_verify(self):
        for of in (self.looked, self.plain):
            for more in ([], ["--objects"], ["--stop"]):
                self.assertEqual(self.ask("verify", *more, of=of)["broken"], [])
        with Looked("busy") as busy:
            self.assertEqual(self.ask("verify", "--looks", 8, of=busy)["broken"], [])
            self.assertEqual(self.ask("verify", "--stop", of=busy, status=None)["trouble"], "")

    def test_what_is_not_there(self):
        self.assertEqual(self.ask("pools")["list"], [])
        self.assertEqual(self.ask("percpu")["chunks"], [])
        self.assertEqual(self.ask("vmalloc")["areas"], 0)
        kmem("inspect", self.plain.pid, "nonsense", status=125)
        kmem("inspect", self.plain.pid, "whatis", status=125)
        kmem("inspect", self.plain.pid, "whatis", "12x", status=125)

    def test_a_stopped_process(self):
        self.plain.process.send_signal(19)
        try:
            self.assertEqual(self.ask("verify", of=self.plain)["broken"], [])
            self.assertEqual(self.ask("status", of=self.plain)["skipped"], [])
        finally:
            self.plain.process.send_signal(18)


class Top(unittest.TestCase):
    def batch(self, *words):
        return kmem("top", *words, "--batch", "--interval", 0.2).stdout

    def test_a_process(self):
        with Looked() as looked:
            text = self.batch(looked.pid, "--count", 2)
            self.assertEqual(text.count("kmem top "), 2)
            self.assertRegex(text, r"(?m)^CACHE +OBJECT +IN USE +CACHED +HELD +GROWN +PER SEC +MISS/S$")
            self.assertRegex(text, r"(?m)^malloc-704 +704 +9\d\d ")
            self.assertRegex(text, r"(?m)^\(large blocks\) ")
            self.assertRegex(text, r"(?m)^grew +nothing")
            rows = [line.split()[0] for line in self.batch(looked.pid, "--count", 1, "--filter", "malloc-70").split("\n") if line.startswith("m")]
            self.assertEqual(rows, ["memory", "malloc-704"])

    def test_which_cache_grew(self):
        grows = subprocess.Popen([sys.executable, "-c", "import sys; print('ready', flush=True); kept = []\n"
                                  "for line in sys.stdin: kept += [bytes(1900) for _ in range(3000)]; print('more', flush=True)"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
        grows.stdout.readline()
        watching = subprocess.Popen([KMEM, "top", str(grows.pid), "--batch", "--interval", "1.5", "--count", "3"], text=True,
                                    stdout=subprocess.PIPE, env=environment(False))
        self.assertIn("kmem top", watching.stdout.readline())
        grows.stdin.write("x\n")
        grows.stdin.flush()
        grows.stdout.readline()
        text = watching.communicate(timeout=600)[0]
        grows.communicate("")
        self.assertRegex(text, r"(?m)^grew +malloc-\d+ \+\d+\.\d MiB since the start")
        size = int(re.search(r"(?m)^grew +malloc-(\d+)", text)[1])
        self.assertTrue(1900 < size < 2300, size)

    def test_all_processes(self):
        with Looked() as looked:
            self.assertRegex(self.batch("--count", 1), rf"(?m)^ *{looked.pid} looked_at +")

    def until(self, terminal, program, wanted):
        """What the program shows until that is there, or until it ends."""
        shows, end = b"", time.monotonic() + 300
        while time.monotonic() < end and program.poll() is None and not (wanted and wanted in shows):
            if select.select([terminal], [], [], 0.1)[0]:
                shows += os.read(terminal, 65536)
        return shows

    def test_the_screen(self):
        """80 columns and 24 lines; keys; and the terminal as it was at the end."""
        master, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        before = termios.tcgetattr(terminal)
        with Looked() as looked:
            shown = subprocess.Popen([KMEM, "top", str(looked.pid), "--interval", "0.2"], stdin=terminal, stdout=terminal,
                                     stderr=subprocess.PIPE, env={**environment(False), "TERM": "xterm"})
            seen = b""
            for keys, wanted in ((b"", b"malloc-704"), (b"s", b"grown"), (b"/malloc-70\n", b"malloc-70"), (b" ", b"FROZEN"),
                                 (b"\n", b"ALLOCATED BY"), (b"\x1b", b"CACHE"), (b"q", None)):
                os.write(master, keys)
                shows = self.until(master, shown, wanted)
                if wanted:
                    self.assertIn(wanted, shows)
                seen += shows
            self.assertEqual(shown.wait(600), 0, shown.stderr.read())
            shown.stderr.close()
        for text in (b"quit", b"filter: "):
            self.assertIn(text, seen)
        self.assertEqual(termios.tcgetattr(terminal), before)
        os.close(master)
        os.close(terminal)

    def test_no_terminal(self):
        with Looked() as looked:
            self.assertIn("needs a terminal", kmem("top", looked.pid, status=125, stdin=subprocess.DEVNULL).stderr)


class Metrics(unittest.TestCase):
    SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\})? (-?[0-9.e+-]+)$')

    def parsed(self, text, open_metrics=False):
        """{name: {labels: value}}; every family is declared once, before its samples, and they stay together."""
        types, samples, order = {}, {}, []
        lines = text.split("\n")
        self.assertEqual(lines.pop(), "")
        if open_metrics:
            self.assertEqual(lines.pop(), "# EOF")
        for line in lines:
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.assertNotIn(name, types)
                types[name] = kind
                order.append(name)
            elif not line.startswith("# HELP "):
                match = self.SAMPLE.match(line)
                self.assertTrue(match, line)
                name = match[1]
                family = name[:-len("_total")] if open_metrics and name.endswith("_total") else name
                self.assertEqual(family, order[-1], line)
                self.assertEqual(name.endswith("_total"), types[family] == "counter", line)
                labels = samples.setdefault(name, {})
                self.assertNotIn(match[2], labels, line)
                labels[match[2]] = float(match[3])
        return samples

    def test_once(self):
        with Looked() as looked:
            for more in ([], ["--openmetrics"]):
                samples = self.parsed(kmem("exporter", "--once", *more).stdout, bool(more))
                mine = [l for l in samples["kmem_held_bytes"] if f'pid="{looked.pid}"' in l]
                self.assertEqual(len(mine), 1)
                self.assertIn('comm="looked_at"', mine[0])
                self.assertGreater(samples["kmem_held_bytes"][mine[0]], 32 << 20)
                out = samples["kmem_cache_objects_out"][mine[0] + ',cache="malloc-704"']
                self.assertGreater(out, BLOCKS * 0.9)
            few = self.parsed(kmem("exporter", "--once", "--caches", 2).stdout)
            caches = [l.rsplit("=", 1)[1] for l in few["kmem_cache_held_bytes"] if f'pid="{looked.pid}"' in l]
            self.assertEqual(len(caches), 3)
            self.assertIn('"other"', caches)

    def test_served(self):
        with Looked() as looked:
            server = subprocess.Popen([KMEM, "exporter", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True,
                                      env=environment(False))
            try:
                address = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())[0]
                with urllib.request.urlopen(address + "/metrics", timeout=600) as answer:
                    self.assertIn("version=0.0.4", answer.headers["Content-Type"])
                    self.assertIn(f'pid="{looked.pid}"', answer.read().decode())
                asked = urllib.request.Request(address + "/metrics", headers={"Accept": "application/openmetrics-text"})
                with urllib.request.urlopen(asked, timeout=600) as answer:
                    self.assertIn("openmetrics-text", answer.headers["Content-Type"])
                    self.parsed(answer.read().decode(), True)
                with self.assertRaises(urllib.error.HTTPError):
                    urllib.request.urlopen(address + "/nothing", timeout=600)
            finally:
                server.terminate()
                server.stdout.close()
                server.wait(600)

    def test_the_dashboard_asks_for_what_there_is(self):
        with Looked(), open(DASHBOARD, encoding="utf-8") as file:
            names = set(self.parsed(kmem("exporter", "--once").stdout))
            dashboard = json.load(file)
            asked = {name for panel in dashboard["panels"] for target in panel["targets"]
                     for name in re.findall(r"kmem_[a-z_]+", target["expr"])}
            self.assertTrue(asked and asked <= names, asked - names)

    def test_a_wrong_address(self):
        for wrong in ("nowhere", "127.0.0.1:99999", "1.2.3:1", "127.0.0.1:"):
            self.assertIn("no address", kmem("exporter", "--listen", wrong, status=125).stderr)


class Gdb(unittest.TestCase):
    def test_its_commands(self):
        if not shutil.which("gdb"):
            self.skipTest("there is no gdb")
        with Looked() as looked:
            done = kmem("gdb", "-q", "-batch", "-p", looked.pid, "-ex", "kmem whatis list", "-ex", "kmem whatis (char*)list+8",
                        "-ex", "kmem caches", status=None)
            if "kmem" in done.stderr and "Python" in done.stderr or "ptrace" in done.stderr:
                self.skipTest(done.stderr)
            self.assertIn(f"{looked.list:#x} is 0 bytes into {looked.list:#x}, an object of cache malloc-704", done.stdout)
            self.assertIn(f"8 bytes into {looked.list:#x}", done.stdout)
            self.assertRegex(done.stdout, r"malloc-704 +704")


class Core(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)

    def ask(self, core, *words, status=0):
        return json.loads(kmem("inspect", core, *words, "--json", status=status).stdout)

    def test_a_core_answers_as_its_process_does(self):
        for arguments in ({}, {"program": STATIC, "preload": False}):
            with Looked(**arguments) as looked:
                core = core_of(looked, self.folder)
                live = json.loads(kmem("json", looked.pid).stdout)
            report = self.ask(core)
            for part in ("memory", "zones", "caches", "machine", "iomem"):
                self.assertEqual(report[part], live[part])
            self.assertEqual(self.ask(core, "verify")["broken"], [])
            self.assertEqual(self.ask(core, "whatis", looked.list)["state"], "out")
            self.assertEqual(self.ask(core, "refs", looked.list)["references"][0]["kind"], "not kmem's")
            self.assertEqual([leak["size"] for leak in self.ask(core, "leaks", status=1)["leaks"]][-2:], [5000, 5000])
            self.assertIn("slabinfo - version", kmem("slabinfo", core).stdout)
            os.unlink(core)

    def test_a_core_that_is_cut_off(self):
        with Looked() as looked:
            core = core_of(looked, self.folder)
        size = os.path.getsize(core)
        for part in (0.9, 0.5, 0.1, 0.01, 0):
            os.truncate(core, int(size * part))
            for question in (["status"], ["verify"], ["leaks"], ["cache", "malloc-704"], ["refs", looked.list]):
                done = kmem("inspect", core, *question, status=None)
                self.assertIn(done.returncode, (0, 1, 2, 125), done.stderr)


if __name__ == "__main__":
    run_tests()
