"""Runs one process and says what it cost: the launcher measures, this only starts it and waits."""
import json
import os
import select
import signal
import subprocess
import tempfile
import time

TIMEOUT_S = 300
# What the launcher says of every process, and is kept of each sample.
COSTS = ("cpu_s", "sys_s", "wall_s", "peak_kb", "faults", "huge_kb", "last_kb")
# Nothing of the caller's environment: one MALLOC_ARENA_MAX or LD_PRELOAD in it would change every figure.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


class Failed(Exception):
    """A run that gave no figures; the text says why."""


def costs(cost):
    """Of a run's figures, those that all workloads have."""
    return {key: cost[key] for key in COSTS}


class Process:
    """A program under the launcher (its path, and its options).  It runs at once; `finish` waits and returns its costs."""

    def __init__(self, launcher, preload, command, cwd=None, env=None, stdin=None, stdout=None):
        handle, self._result = tempfile.mkstemp(prefix="cost-", suffix=".json", dir=cwd)
        os.close(handle)
        self._errors = tempfile.TemporaryFile()
        source = open(stdin, "rb") if stdin else subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(
                [*launcher, self._result, preload, *command], cwd=cwd, env={**ENVIRONMENT, **(env or {})}, stdin=source,
                stdout=stdout if stdout is not None else subprocess.PIPE, stderr=self._errors, start_new_session=True)
        finally:
            if stdin:
                source.close()
        self._deadline = time.monotonic() + TIMEOUT_S
        self._text = b""

    @property
    def pid(self):
        return self._process.pid

    def is_over(self):
        return self._process.poll() is not None

    def wait_for_line(self):
        """The next line of its output: a program's word that it is so far."""
        while b"\n" not in self._text:
            left = self._deadline - time.monotonic()
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, left))
            if not ready:
                self.kill()
                raise Failed(f"no answer after {TIMEOUT_S} s")
            more = os.read(self._process.stdout.fileno(), 65536)
            if not more:
                return ""
            self._text += more
        line, self._text = self._text.split(b"\n", 1)
        return line.decode()

    def finish(self):
        """The costs as the launcher wrote them, and in "output" what the program printed."""
        try:
            output, _ = self._process.communicate(timeout=max(1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"still running after {TIMEOUT_S} s") from None
        self._errors.seek(0)
        errors = self._errors.read().decode(errors="replace").strip()
        self._errors.close()
        try:
            with open(self._result, encoding="utf-8") as file:
                cost = json.load(file)
        except (OSError, ValueError):
            raise Failed(f"the launcher gave no figures: {errors[-300:]}") from None
        finally:
            os.unlink(self._result)
        if cost["signal"]:
            raise Failed(f"killed by signal {cost['signal']} ({signal.strsignal(cost['signal'])}): {errors[-300:]}")
        if cost["exit"] != 0:
            raise Failed(f"exit status {cost['exit']}: {errors[-300:]}")
        if "cannot be preloaded" in errors:
            raise Failed(f"the allocator was not preloaded: {errors[:300]}")
        cost["output"] = self._text + (output or b"")
        cost["cpu_s"] = cost["user_s"] + cost["sys_s"]
        return cost

    def kill(self):
        """Ends the launcher's session, which this object started, and nothing else."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
