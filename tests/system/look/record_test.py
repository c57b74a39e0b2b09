#!/usr/bin/env python3
"""Recordings, their page and the page map: record_test.py KMEM LIBRARY LOOKED_AT STATIC [unittest's options]"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from looking import *

# Grows by one cache, then leaves another sparse; goes on when that has been recorded.
GROWS = """
import os, sys, time
def recorded(samples=2):
    for _ in range(samples):
        before = os.path.getsize(sys.argv[1])
        while os.path.getsize(sys.argv[1]) == before: time.sleep(0.005)
sparse = [bytes(700) for _ in range(8000)]; kept = []
recorded()
for i in range(4):
    kept += [bytes(1900) for _ in range(900)]
    recorded()
sparse = sparse[::10]
recorded(4)
raise SystemExit(3)
"""

# What a reader does: steps, clicks, and what is then to be seen.
CLICKS = """<script>
const told = {};
const of = id => document.getElementById(id).textContent;
told.title = of("title"); told.answers = of("answers"); told.end = of("now"); told.map = of("map-about"); told.cells = cells.length;
document.getElementById("back").click(); told.before = of("now");
document.getElementById("time").value = 0; document.getElementById("time").dispatchEvent(new Event("input")); told.first = of("now");
for (const by of ["use", "zone", "cache"]) { document.querySelector("[data-by=" + by + "]").click(); told[by] = of("memory-legend"); }
const chart = document.getElementById("memory");
chart.dispatchEvent(new MouseEvent("click", { clientX: chart.getBoundingClientRect().right - 15, clientY: chart.getBoundingClientRect().top + 20 }));
told.clicked = of("now");
let c;  // in the last look the program may have given all back, as it ended
for (let i = 0; i < 100 && !(c = cells.find(c => c.run[1] === 3)); ++i) document.getElementById("back").click();
const box = document.getElementById("map").getBoundingClientRect();
document.getElementById("map").dispatchEvent(new MouseEvent("mousemove", { clientX: box.left + c.x + 1, clientY: box.top + c.y + 1 }));
told.tip = of("tip");
const pen = document.getElementById("memory").getContext("2d"), dots = pen.getImageData(0, 0, pen.canvas.width, pen.canvas.height).data;
const seen = new Set(); for (let i = 0; i < dots.length; i += 4) seen.add(dots[i] << 16 | dots[i + 1] << 8 | dots[i + 2]);
told.colors = seen.size;
document.getElementById("play").click(); told.playing = of("play"); document.getElementById("play").click(); told.stopped = of("play");
document.body.appendChild(document.createElement("pre")).id = "told";
document.getElementById("told").textContent = JSON.stringify(told);
</script>"""


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Recording(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.file = os.path.join(self.folder, "heap.recording")

    def record(self, *words, status=0):
        return kmem("record", "--library", LIBRARY, "-o", self.file, *words, status=status)

    def grown(self):
        self.record("--rate", 20, "--map-rate", 5, "--", sys.executable, "-c", GROWS, self.file, status=3)
        return lines_of(self.file)

    def test_a_program(self):
        lines = self.grown()
        head, end = lines[0], lines[-1]
        self.assertEqual((head["kmem_recording"], head["command"][0]), (1, sys.executable))
        self.assertEqual(end["end"]["status"], 3)
        samples = [line for line in lines if "caches" in line]
        self.assertGreaterEqual(len(samples), 3)
        self.assertEqual([s["t"] for s in samples], sorted(s["t"] for s in samples))
        most = {name: max(s["caches"].get(name, [0])[0] for s in samples) - samples[0]["caches"].get(name, [0])[0] for s in samples
                for name in s["caches"]}
        grew = max(most, key=most.get)
        self.assertTrue(1900 < int(grew.split("-")[1]) < 2300, most)
        self.assertTrue([line for line in lines if "map" in line])

    def started(self, looked):
        """A recording that has a sample."""
        recording = subprocess.Popen([KMEM, "record", "-o", self.file, str(looked.pid)], stderr=subprocess.PIPE, text=True, env=environment(False))
        while recording.poll() is None and (not os.path.exists(self.file) or os.path.getsize(self.file) < 1000):
            time.sleep(0.02)
        return recording

    def test_a_process_until_it_ends_and_until_it_is_enough(self):
        with Looked() as looked:
            self.record("--seconds", 0.3, looked.pid)
            self.assertEqual(lines_of(self.file)[-1]["end"], {"by": "time"})
            os.unlink(self.file)
            recording = self.started(looked)
            recording.send_signal(signal.SIGINT)
            self.assertIn("kmem show", recording.communicate(timeout=600)[1])
            self.assertEqual(recording.returncode, 0)
            self.assertEqual(lines_of(self.file)[-1]["end"], {"by": "signal"})
            os.unlink(self.file)
            recording = self.started(looked)
        recording.communicate(timeout=600)
        self.assertEqual((recording.returncode, lines_of(self.file)[-1]["end"]), (0, {"by": "process"}))

    def test_a_file_that_would_be_too_long_has_fewer_steps(self):
        with Looked() as looked:
            self.record("--rate", 500, "--map-rate", 100, "--limit", 1, "--seconds", 4, looked.pid)
        self.assertLessEqual(os.path.getsize(self.file), 1.01 * (1 << 20))
        times = sorted(line["t"] for line in lines_of(self.file) if "caches" in line)
        self.assertGreater(len(times), 0)
        self.assertEqual(len(times), len(set(times)))

    def test_what_cannot_be_recorded(self):
        self.assertIn("of what?", kmem("record", status=125).stderr)
        self.assertIn("there is none", self.record(999999999, status=125).stderr)
        self.assertIn("No such file", kmem("record", "-o", "/no/such/folder/x", "--library", LIBRARY, "--", "true", status=125).stderr)
        self.assertIn("No such file", kmem("show", "/no/such/file", status=125).stderr)
        self.assertIn("is no recording", kmem("show", __file__, status=125).stderr)
        with open(self.file, "w", encoding="utf-8") as file:
            file.write('{"kmem_recording":1}\n{"t":')
        self.assertIn("has no sample", kmem("show", self.file, status=125).stderr)

    def page(self):
        self.grown()
        with open(self.file, encoding="utf-8") as file:
            text = file.read()
        with open(self.file, "w", encoding="utf-8") as file:  # a name that would end the script
            file.write(text.replace(sys.executable, "</script><b>"))
        self.assertEqual(kmem("show", self.file).stdout, self.file + ".html\n")
        with open(self.file + ".html", encoding="utf-8") as file:
            return file.read()

    def test_the_page_needs_nothing_else(self):
        page = self.page()
        self.assertEqual(re.findall(r"https?://|src=|href=|@import|url\(", page), [])
        self.assertIn("default-src 'none'", page)
        self.assertEqual(page.count("</script>"), 1)

    def test_the_page_in_a_browser(self):
        """Headless Chromium without a network: a script clicks, and says what there is to see."""
        told = told_by_browser(self, self.page(), CLICKS, 1600)
        self.assertIn("kmem recording of </script><b>", told["title"])
        self.assertRegex(told["answers"], r"Which cache grew\?[^?]*malloc-\d+: \+")  # a busy machine's first look may come late
        self.assertRegex(told["answers"], r"Why is memory not given back\?.*not with the program")
        self.assertIn("Where are the huge pages?", told["answers"])
        self.assertGreater(told["cells"], 500)
        self.assertIn("A cell is", told["map"])
        self.assertNotEqual(told["before"], told["end"])
        self.assertNotEqual(told["first"], told["before"])
        self.assertEqual(told["clicked"], told["end"])
        self.assertIn("with the program", told["use"])
        self.assertIn("node 0", told["zone"])
        self.assertIn("malloc-", told["cache"])
        self.assertIn("slab of ", told["tip"])
        self.assertGreater(told["colors"], 5)
        self.assertEqual((told["playing"], told["stopped"]), ("stop", "play"))


class Map(unittest.TestCase):
    def cells(self, target, *words):
        return json.loads(kmem("map", target, "--json", *words).stdout)

    def check(self, target, looked):
        found = self.cells(target, "--rows", 100000)
        self.assertEqual((found["per"], found["skipped"]), (1, []))
        frame = json.loads(kmem("inspect", target, "whatis", looked.list, "--json").stdout)["frame"]
        for part in found["ranges"]:
            at = part["first"]
            for count, kind, cache, fill, _ in part["cells"]:
                if at <= frame < at + count:
                    self.assertEqual((kind, found["caches"][cache]), (3, "malloc-704"))
                    self.assertTrue(50 < fill <= 100, fill)
                    return found
                at += count
        return self.fail("the frame of an object is not in the map")

    def test_a_frame_is_shown_as_what_it_is(self):
        with Looked() as looked:
            found = self.check(looked.pid, looked)
            online = json.loads(kmem("json", looked.pid).stdout)["memory"]["bytes_online"]
            self.assertEqual(sum(run[0] for part in found["ranges"] for run in part["cells"]) * 4096, online)
            few = self.cells(looked.pid, "--rows", 1, "--width", 64)
            self.assertGreater(few["per"], 1)
            folder = tempfile.mkdtemp()
            self.addCleanup(shutil.rmtree, folder, True)
            self.check(core_of(looked, folder), looked)

    def test_in_letters_and_in_colors(self):
        with Looked() as looked:
            plain = kmem("map", looked.pid, "--color", "never", "--width", 50).stdout
            self.assertNotIn("\033", plain)
            self.assertRegex(plain, r"(?m)^node 0, zone Normal, frames \d+ to \d+, ")
            self.assertRegex(plain, r"(?m)^ +\d+ [^ ]{50}$")
            self.assertRegex(plain, r"(?m)^  [A-L] +\d+\.\d KiB  malloc-704, \d+ % of it with the program$")
            self.assertRegex(plain, r"(?m)^  \. +[\d.]+ [KM]iB  given back to the host, or never used$")
            colored = kmem("map", looked.pid, "--color", "always", "--width", 50).stdout
            self.assertIn("\033[38;5;", colored)
            self.assertEqual(re.sub(r"\033\[[0-9;]*m", "", colored).split("\n")[:3], plain.split("\n")[:3])

    def test_what_is_not_there(self):
        self.assertIn("there is none", kmem("map", 999999999, status=125).stderr)


if __name__ == "__main__":
    run_tests()
