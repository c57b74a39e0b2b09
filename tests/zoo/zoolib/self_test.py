"""Does the runner see what it is there to see?  Rows that go wrong in each way, and rows that must not count as failures."""
import pathlib
import tempfile
import time

from . import keeper, rows, trial

ON_KMEM = '[ -n "${LD_PRELOAD:-}" ] || { echo right; exit 0; }; '
# Name: (script, on kmem, on glibc, a part of the reason).  Each script's right output is `right`.
CASES = {
    "right": ("echo right", "passed", "passed", ""),
    "wrong output": (ON_KMEM + "echo wrong", "failed", "passed", "wrong output"),
    "no output": (ON_KMEM + "true", "failed", "passed", "wrong output"),
    "wrong status": (ON_KMEM + "echo right; exit 3", "failed", "passed", "status 3"),
    "crash": (ON_KMEM + "echo right; kill -SEGV $$", "failed", "passed", "SIGSEGV"),
    "crash of a child": (ON_KMEM + "echo right; bash -c 'kill -ABRT $$'", "failed", "passed", "SIGABRT"),
    "crash in a pipe": (ON_KMEM + "bash -c 'kill -BUS $$' | cat; echo right", "failed", "passed", "SIGBUS"),
    "hang": (ON_KMEM + "echo right; sleep 1000", "failed", "passed", "did not end"),
    "crash of a server": (ON_KMEM + "server sleep 1000; kill -SEGV ${servers[0]}; sleep 0.2; echo right", "failed", "passed", "SIGSEGV"),
    "crash at a server's end": (ON_KMEM + "server bash -c \"trap 'kill -SEGV \\$\\$' TERM; touch up; while :; do sleep 0.05; done\"; "
                                "wait_for test -e up; echo right", "failed", "passed", "SIGSEGV"),
    "crash of a daemon": (ON_KMEM + "(setsid bash -c 'sleep 0.3; kill -SEGV $$' &); sleep 0.8; echo right", "failed", "passed", "SIGSEGV"),
    "report": (ON_KMEM + "echo right; echo 'kmem: BUG' >&2", "failed", "passed", "kmem reports"),
    "fails anywhere": ("exit 1", "failed", "failed", "status 1"),
    "not here": ("skip 'it is not here'", "skipped", "skipped", "it is not here"),
    "needs the library": (ON_KMEM + "grep -q libkmem-malloc /proc/self/maps && echo right", "passed", "passed", ""),
    "daemon is ended": ("(setsid sleep 1000 >/dev/null 2>&1 &); echo right", "passed", "passed", ""),
    "a stubborn daemon is ended": ("(setsid bash -c 'trap \"\" TERM; sleep 1000' >/dev/null 2>&1 &); sleep 0.2; echo right", "passed",
                                   "passed", ""),
}


class ShortRow(rows.Row):
    limit = 3


def check_case(name, folder, library):
    script, on_kmem, on_glibc, reason = CASES[name]
    row = ShortRow(name="case", kind="self", package="none", run=script, expect="right")
    for mode, wanted in (("kmem", on_kmem), ("glibc", on_glibc)):
        answer = trial.run(row, mode, library, folder)
        if answer["result"] != wanted:
            yield f"{name} on {mode}: {answer['result']} ({answer['why']}), {wanted} expected"
        elif wanted != "passed" and reason not in answer["why"]:
            yield f"{name} on {mode}: the reason is {answer['why']!r}, without {reason!r}"


def check_rows():
    """Every row can be read, is installed by a package that tools/packages names, and none is there twice."""
    listed = set()
    for line in (pathlib.Path(__file__).resolve().parents[3] / "tools/packages").read_text().splitlines():
        use, _, names = line.partition(" ")
        if use in ("zoo", "zoo-heavy"):
            listed.update(names.split())
    wanted = set(rows.packages(rows.load()))
    if wanted != listed:
        yield f"tools/packages: without {sorted(wanted - listed)}, with {sorted(listed - wanted)} that no row needs"


def run(library):
    wrong = list(check_rows())
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="zoo.", ignore_cleanup_errors=True) as folder:
        pathlib.Path(folder).chmod(0o755)
        for name in CASES:
            wrong += check_case(name, pathlib.Path(folder) / "case", library)
    if left := keeper.descendants():
        wrong.append(f"still running: {left}")
    print("\n".join(wrong) or f"self-test: {len(CASES)} cases as they should be, {time.monotonic() - begin:.0f} s")
    return 1 if wrong else 0
