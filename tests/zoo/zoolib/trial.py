"""One program in one mode: started, watched, judged."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

from . import modes

HERE = pathlib.Path(__file__).resolve().parent
PRELUDE = (HERE.parent / "prelude.sh").as_posix()
MOST_OUTPUT = 4 << 20
SKIPPED = 77  # a script's status for "not here", with the reason as its last line


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def read(path):
    with open(path, "rb") as file:
        return file.read(MOST_OUTPUT).decode(errors="replace")


class Stopped(Exception):
    """The whole run was told to end."""


keepers = set()


def stop_all(*_):
    """A signal handler: each keeper ends what it keeps, then itself."""
    keepers.add(None)
    for process in keepers - {None}:
        process.terminate()


def stopping():
    return None in keepers


def ask_keeper(job):
    with subprocess.Popen([sys.executable, str(HERE / "keeper.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        keepers.add(process)
        if stopping():
            process.terminate()
        out, err = process.communicate(json.dumps(job))
        keepers.discard(process)
    if process.returncode and stopping():
        raise Stopped
    if process.returncode:
        raise RuntimeError(f"the keeper failed: {err}")
    return json.loads(out)


def start(row, mode, library, folder):
    """The keeper's result, and the two outputs."""
    shutil.rmtree(folder, ignore_errors=True)
    work = folder / "work"
    (work / "tmp").mkdir(parents=True)
    for path in (folder, work, work / "tmp"):
        path.chmod(0o777)
    job = {"script": f"ulimit -c 0; . {PRELUDE}\n{row.run}", "folder": str(work), "limit": row.limit,
           "environment": modes.environment(mode, library, str(work), free_ports(3)),
           "stdout": str(folder / "stdout"), "stderr": str(folder / "stderr")}
    return ask_keeper(job), read(folder / "stdout"), read(folder / "stderr")


def last_line(text):
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else "no word"


def is_known(row, line):
    """With `reports`, is this line of kmem's one that the program has earned, or a detail of one?"""
    return row.reports and ("BUG" not in line or re.search(row.reports, line))


def complaint(row, mode, result, out, err, on_glibc):
    """What is wrong with the run; nothing if all is well."""
    status = result["status"]
    if mode != "glibc":
        for line in (out + err).splitlines():
            if line.startswith("kmem: ") and not is_known(row, line):
                return f"kmem reports: {line[:200]}"
            if "cannot be preloaded" in line:
                return f"does not run on kmem: {line[:200]}"
    if status is None:
        return f"did not end within {row.limit:.0f} s; running: {', '.join(result['left'])}; {last_line(err)}"
    if status < 0 or 128 < status <= 192:
        number = -status if status < 0 else status - 128
        name = signal.Signals(number).name if number in {int(s) for s in signal.Signals} else str(number)
        return f"ended by {name}: {last_line(err)}"
    if status:
        return f"status {status}: {last_line(err)}"
    if result["crashed"]:
        return f"a process that it left behind ended by {', '.join(result['crashed'])}"
    return row.wrong_output(out, on_glibc)


def run(row, mode, library, folder, on_glibc=None):
    """{"result": "passed", "failed" or "skipped", "seconds", "why", "out"}"""
    folder = pathlib.Path(folder)
    try:
        result, out, err = start(row, mode, library, folder)
    except Stopped:
        return {"result": "skipped", "why": "the run was told to end"}
    answer = {"result": "passed", "seconds": result["seconds"], "why": "", "out": out}
    if result["status"] == SKIPPED:
        answer.update(result="skipped", why=last_line(out))
    elif wrong := complaint(row, mode, result, out, err, on_glibc):
        answer.update(result="failed", why=wrong)
    return answer


def library_is_loaded(library):
    """ld.so goes on without a library that it cannot load, so ask."""
    done = subprocess.run(["cat", "/proc/self/maps"], env={**os.environ, "LD_PRELOAD": library}, capture_output=True, text=True,
                          check=False)
    return "libkmem-malloc" in done.stdout and done.returncode == 0


