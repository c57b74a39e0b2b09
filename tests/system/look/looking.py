"""What the tests of looks share: the tool and the programs that are looked at."""
import html
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

KMEM, LIBRARY, LOOKED_AT, STATIC = (os.path.abspath(path) for path in sys.argv[1:5])
BLOCKS, SIZE = 1000, 700


def environment(preload=True, words=""):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KMEM", "LD_PRELOAD"))}
    if preload:
        env["LD_PRELOAD"] = LIBRARY
    if words:
        env["KMEM"] = words
    return env


class Looked:
    """A process that waits to be looked at."""

    def __init__(self, *arguments, program=LOOKED_AT, preload=True, words="", folder=None, cores=False,
                 fixed=False):
        def before():
            if cores:
                hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
                resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
                signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell's background jobs ignore it
        self.process = subprocess.Popen([*["setarch", "-R"] * fixed, program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder,
                                        env=environment(preload, words), preexec_fn=before)
        self.line = self.process.stdout.readline().split()
        assert self.line[:1] == [b"ready"], self.line
        self.pid = self.process.pid
        if program in (LOOKED_AT, STATIC):
            self.list, self.large = (int(word, 16) for word in self.line[1:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(600)


def kmem(*arguments, status=0, **options):
    done = subprocess.run([KMEM, *map(str, arguments)], capture_output=True, text=True, timeout=600,
                          env=environment(False), check=False, **options)
    if status is not None and done.returncode != status:
        raise AssertionError(f"kmem {arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def may_look():
    with Looked() as looked:
        done = kmem("json", looked.pid, status=None)
        return "may not be read" not in done.stderr


def core_of(looked, folder):
    """By gdb's gcore: the process goes on."""
    core = os.path.join(folder, f"core.{looked.pid}")
    if not shutil.which("gdb"):
        raise unittest.SkipTest("there is no gdb to make a core with")
    subprocess.run(["gdb", "-q", "-batch", "-nx", "-p", str(looked.pid), "-ex", f"gcore {core}"], capture_output=True, check=False,
                   timeout=600, env=environment(False))
    if not os.path.exists(core):
        raise unittest.SkipTest("gdb makes no core here")
    return core


def host_writes_cores():
    """Does the kernel write them into the folder of the process?"""
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as pattern:
        return pattern.read(1) not in "|/" and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


def crash(looked, folder, number):
    """The core of a process that a signal kills now; None where the kernel leaves none."""
    looked.process.send_signal(number)
    looked.process.stdin.close()
    looked.process.stdout.close()
    looked.process.wait(600)
    cores = [name for name in os.listdir(folder) if name.startswith("core")]
    return os.path.join(folder, cores[0]) if cores else None


def told_by_browser(test, page, clicks, height):
    """What a script says that clicks in a page, as JSON; headless Chromium shows it, without a network."""
    browser = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if not browser:
        test.skipTest("there is no Chromium")
    with tempfile.TemporaryDirectory() as folder:
        clicked = os.path.join(folder, "clicked.html")
        with open(clicked, "w", encoding="utf-8") as file:
            file.write(page.replace("</body>", clicks + "</body>"))
        done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}/browser",
                               "--host-resolver-rules=MAP * ~NOTFOUND", f"--window-size=1200,{height}", "--dump-dom", "file://" + clicked],
                              capture_output=True, text=True, check=False, timeout=600, env=environment(False))
    if "<html" not in done.stdout:
        test.skipTest(f"Chromium does not run here: {done.stderr[-300:]}")
    found = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.S)
    test.assertTrue(found, done.stdout[-2000:] + done.stderr[-2000:])
    return json.loads(html.unescape(found[1]))


def run_tests():
    if not may_look():
        print("this host does not let one process read another of the same user: nothing was tested")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])


__all__ = [name for name in dir() if not name.startswith("_")]
