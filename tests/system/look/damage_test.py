#!/usr/bin/env python3
"""Cores of processes that were killed at any instant, and cores whose tables were overwritten: whatever is in them, every
question ends, and the tool does not crash.  damage_test.py KMEM LIBRARY LOOKED_AT STATIC [unittest's options]
The variables KMEM_LOOK_KILLED and KMEM_LOOK_DAMAGED: how many of each."""
import json
import os
import random
import shutil
import signal
import struct
import tempfile
import time
import unittest

from looking import *

KILLED, DAMAGED = int(os.environ.get("KMEM_LOOK_KILLED", "8")), int(os.environ.get("KMEM_LOOK_DAMAGED", "60"))
QUESTIONS = (["status"], ["verify"], ["leaks"], ["cache", "malloc-704", "--state", "all"], ["refs", "LIST"], ["whatis", "LIST"],
             ["verify", "--objects"], ["percpu"], ["pools"], ["vmalloc"], ["caches"])


def writable_segments(core):
    """(address, offset, bytes) in the file, of memory that a process writes."""
    with open(core, "rb") as file:
        head = file.read(64)
        start, nr = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
        file.seek(start)
        for _ in range(nr):
            kind, flags, offset, address, _, bytes_, _, _ = struct.unpack("<IIQQQQQQ", file.read(56))
            if kind == 1 and flags & 2 and 0 < bytes_ < 24 << 20:
                yield address, offset, bytes_


def own_segments(core):
    """Those in which kmem keeps account."""
    system = json.loads(kmem("json", core).stdout)["system"]
    for address, offset, bytes_ in writable_segments(core):
        if address <= system < address + bytes_ or "kmem" == json.loads(kmem("inspect", core, "whatis", address, "--json").stdout)["kind"]:
            yield offset, bytes_


class Damage(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.seed = int(os.environ.get("KMEM_LOOK_SEED") or time.time_ns() % 1000000)
        self.random = random.Random(self.seed)

    def ask(self, core, question, looked):
        words = [str(looked.list) if word == "LIST" else word for word in question]
        began = time.monotonic()
        done = kmem("inspect", core, *words, "--json", status=None)
        what = f"seed {self.seed}: {question}: {done.returncode}\n{done.stderr[-2000:]}"
        self.assertIn(done.returncode, (0, 1, 2, 125), what)
        self.assertNotIn("terminate called", done.stderr, what)
        if done.returncode != 125:
            json.loads(done.stdout)
        else:
            self.assertTrue(done.stderr.startswith("kmem: "), what)
        return done, time.monotonic() - began

    def test_killed_at_any_instant(self):
        """What a core says of a program that was killed in the middle of malloc and free is so, or is said not to be known."""
        by_kernel = host_writes_cores()
        for _ in range(KILLED):
            looked = Looked("busy", folder=self.folder, cores=True)
            time.sleep(self.random.uniform(0, 0.05))
            core = None
            if by_kernel:
                core = crash(looked, self.folder, self.random.choice([signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT]))
            else:
                with looked:
                    core = core_of(looked, self.folder)
            if not core:
                self.skipTest("this host leaves no core")
            for question in QUESTIONS:
                done, _ = self.ask(core, question, looked)
                self.assertNotEqual(done.returncode, 125, f"{question}: {done.stderr}")
                if question[0] == "whatis":
                    self.assertEqual(json.loads(done.stdout)["state"], "out")
                if question[0] == "status":
                    report = json.loads(done.stdout)
                    cache = next(c for c in report["caches"] if c["name"] == "malloc-704")
                    self.assertGreater(cache["active_objs"], BLOCKS * 0.9)
            os.unlink(core)

    def overwrite(self, file, segments, nr):
        """At random words that are not zero: bytes, ones, or a word from elsewhere.  What stood there."""
        before = []
        while len(before) < nr:
            offset, bytes_ = self.random.choice(segments)
            at = offset + self.random.randrange(0, bytes_ - 7, 8)
            file.seek(at)
            word = file.read(8)
            if not any(word) and self.random.random() < 0.999:
                continue
            before.append((at, word))
            file.seek(at)
            kind = self.random.randrange(5)
            if kind == 0:
                new = bytes(self.random.randrange(256) if self.random.random() < 0.3 else b for b in word)
            elif kind == 1:
                new = b"\xff" * 8
            elif kind == 2:
                new = bytes(8)
            elif kind == 3:
                new = struct.pack("<Q", (int.from_bytes(word, "little") + self.random.choice([1, 8, -8, 64, 4096, 1 << 20])) % 2**64)
            else:
                new = self.random.choice(before)[1]
            file.write(new)
        return before

    def test_overwritten_tables(self):
        with Looked() as looked:
            core = core_of(looked, self.folder)
        segments = list(own_segments(core))
        named = slowest = 0
        for i in range(DAMAGED):
            with open(core, "r+b", buffering=0) as file:
                before = self.overwrite(file, segments, self.random.choice([1, 4, 16, 64, 256]))
            for question in ([QUESTIONS[i % len(QUESTIONS)], ["verify"]]):
                done, seconds = self.ask(core, question, looked)
                slowest = max(slowest, seconds)
                named += question == ["verify"] and (done.returncode != 0)
            with open(core, "r+b", buffering=0) as file:
                for at, word in reversed(before):
                    file.seek(at)
                    file.write(word)
        print(f"seed {self.seed}: {DAMAGED} rounds, {named} found broken, slowest answer {slowest:.1f} s")
        self.assertGreater(named, DAMAGED / 5)
        self.assertEqual(kmem("inspect", core, "verify").stdout, "all structures are whole\n")


if __name__ == "__main__":
    run_tests()
