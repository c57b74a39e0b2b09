#!/usr/bin/env python3
"""Profiles of services that run already, under load, switched on and off again and again:
attach_test.py KMEM LIBRARY LOOKED_AT STATIC [unittest's options]; KMEM_ATTACH_TIMES, else 10."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from looking import *

TIMES = int(os.environ.get("KMEM_ATTACH_TIMES", "10"))

# Keeps some and drops the rest, in functions that a profile names; checks what it keeps.
SERVICE = """
import sys
kept = {}
print("ready", flush=True)
for i in range(1 << 40):
    kept[i % 20000] = (bytes([i % 251]) * (100 + i % 3000), i % 251)
    if i % 20000 == 0:
        assert all(text == bytes([byte]) * len(text) for text, byte in kept.values())
        print(i, flush=True)
"""


class Attach(unittest.TestCase):
    def attach_again_and_again(self, pid, is_well):
        """Each time it has samples; and the process is well."""
        found = 0
        for n in range(TIMES):
            done = kmem("profile", pid, "--seconds", 0.3, "--period", "64K", "--format", "json")
            stacks = json.loads(done.stdout)["stacks"]
            found += sum(stack["allocated"][3] for stack in stacks) > 0
            is_well()
        # A starved machine's program may not get to run in 0.3 s, and what it changes under a look may not be readable.
        self.assertGreater(found, TIMES / 3)
        self.assertIn(kmem("inspect", pid, "verify", status=None).returncode, (0, 2))

    def test_python(self):
        env = environment() | {"PYTHONMALLOC": "malloc"}
        with subprocess.Popen([sys.executable, "-c", SERVICE], env=env, stdout=subprocess.PIPE) as service:
            try:
                self.assertEqual(service.stdout.readline(), b"ready\n")
                self.attach_again_and_again(service.pid, service.stdout.readline)  # it goes on
            finally:
                service.kill()

    def test_redis(self):
        if not shutil.which("redis-server"):
            self.skipTest("there is no redis-server")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            with subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder], env=environment(),
                                  stdout=subprocess.DEVNULL) as server:
                try:
                    self.load_redis(server, path)
                finally:
                    server.kill()

    def load_redis(self, server, path):
        end = time.time() + 60
        while not os.path.exists(path) and time.time() < end:
            time.sleep(0.05)
        done, answers = threading.Event(), [0, 0]

        def load():
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                reader = client.makefile("rb")
                i = 0
                while not done.is_set():
                    for i in range(i, i + 100):
                        key, value = b"k%d" % (i % 5000), bytes([65 + i % 26]) * (50 + i % 2000)
                        client.sendall(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" %
                                       (len(key), key, len(value), value, len(key), key))
                        ok = reader.readline() == b"+OK\r\n" and reader.readline() == b"$%d\r\n" % len(value) and reader.read(len(value) + 2)[:-2] == value
                        answers[0 if ok else 1] += 1
        loader = threading.Thread(target=load)
        loader.start()
        try:
            self.attach_again_and_again(server.pid, lambda: self.assertEqual((server.poll(), answers[1]), (None, 0)))
        finally:
            done.set()
            loader.join()
        self.assertGreater(answers[0], 100 * TIMES / 10)


if __name__ == "__main__":
    run_tests()
