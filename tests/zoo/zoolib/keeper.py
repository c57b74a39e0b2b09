"""Runs one script of the zoo and ends everything that it started, whatever happened.

The keeper is a process of its own: the kernel hands it the daemons that the script leaves behind (it is their "child
subreaper"), so it sees each of them and ends it by its process id.  Standard input is a job in JSON, standard output the result.
"""
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS, signal.SIGTRAP}
GRACE = 2  # seconds between the polite signal and the last one


def adopt_orphans():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def descendants():
    """Process ids and names of all that came from here, without those that only wait to be reaped."""
    children, names = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                head, _, rest = stat.read().rpartition(")")
        except OSError:
            continue  # it has just ended
        state, parent = rest.split()[:2]
        children.setdefault(int(parent), []).append(int(entry))
        if state not in "ZX":
            names[int(entry)] = head.partition("(")[2]
    found, todo = {}, [os.getpid()]
    while todo:
        for child in children.get(todo.pop(), []):
            todo.append(child)
            if child in names:
                found[child] = names[child]
    return found


class Reaper:
    """Collects exit statuses; remembers which orphans crashed."""

    def __init__(self, main):
        self.main, self.status, self.crashed = main, None, []

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if pid == self.main:
                self.status = code
            elif -code in CRASHES:
                self.crashed.append(signal.Signals(-code).name)


def send(sig, processes):
    for pid in processes:
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass


def end_all(reaper):
    """Names of what was still there."""
    left = descendants()
    begin, sig = time.monotonic(), signal.SIGTERM
    while alive := descendants():
        if time.monotonic() - begin > GRACE:
            sig = signal.SIGKILL
        send(sig, alive)
        time.sleep(0.05)
        reaper.reap()
    reaper.reap()
    return sorted(left.values())


def keep(job):
    adopt_orphans()
    with open(job["stdout"], "wb") as out, open(job["stderr"], "wb") as err:
        begin = time.monotonic()
        process = subprocess.Popen(["bash", "-c", job["script"]], cwd=job["folder"], env=job["environment"], stdout=out, stderr=err,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
    reaper = Reaper(process.pid)
    try:
        while reaper.status is None and time.monotonic() - begin < job["limit"]:
            time.sleep(0.01)
            reaper.reap()
        status, seconds = reaper.status, time.monotonic() - begin
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        left = end_all(reaper)
    return {"status": status, "seconds": round(seconds, 2), "left": left, "crashed": reaper.crashed}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(json.dumps(keep(json.load(sys.stdin))))
