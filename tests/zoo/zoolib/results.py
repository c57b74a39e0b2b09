"""What came out: as lines, as JSON, as a page."""
import datetime
import json
import os
import platform

from . import modes, rows

SIGNS = {"passed": "ok", "failed": "**fails**", "skipped": "–"}


class Results:
    def __init__(self):
        self.programs = {}

    def add(self, row, mode, answer):
        entry = self.programs.setdefault(row.name, {"package": row.package, "kind": row.kind, "tags": row.tags, "runs": {}})
        entry["version"] = rows.version_of(row.package)
        entry["runs"][mode] = {key: answer[key] for key in ("result", "seconds", "why") if answer.get(key)}
        entry["runs"][mode]["date"] = datetime.date.today().isoformat()

    def count(self, result):
        return sum(run["result"] == result for entry in self.programs.values() for mode, run in entry["runs"].items()
                   if mode != "glibc" or len(entry["runs"]) == 1)

    def summary(self):
        return f"{self.count('passed')} passed, {self.count('failed')} failed, {self.count('skipped')} skipped"

    def as_json(self):
        machine = {"date": datetime.date.today().isoformat(), "kernel": platform.release(), "cpus": os.cpu_count()}
        return {**machine, "summary": self.summary(), "programs": self.programs}

    def write_json(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.as_json(), file, indent=1, sort_keys=True)
            file.write("\n")

    def read_json(self, path):
        """Keeps what an earlier run found, for programs that this one does not run."""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.programs = json.load(file)["programs"]


def cell(run):
    if not run:
        return ""
    seconds = f" {run['seconds']:.1f} s" if run.get("seconds") else ""
    return SIGNS[run["result"]] + seconds


def reasons(programs):
    """One line for each failure and for each program that was skipped."""
    for name, entry in programs:
        told = set()
        for mode, run in entry["runs"].items():
            if run["result"] == "failed" and mode != "glibc":
                yield f"* **{name}** fails on {mode}: `{run['why']}`"
            elif run["result"] == "skipped" and run["why"] not in told:
                told.add(run["why"])
                yield f"* {name} is skipped: {run['why']}"


HEAD = """# The zoo

Read this page to know which programs run on kmem. Programs of Debian, each with a small real job whose output is checked, on kmem (`LD_PRELOAD`), on kmem without restartable
sequences (`GLIBC_TUNABLES=glibc.pthread.rseq=0`), and with `KMEM=hardened=3`. Each runs on glibc's malloc first: a program that
fails there is skipped. Times are from one run on a busy machine and only say how large the job is. The rows are in
[tests/zoo/rows](../tests/zoo/rows); this page is written by `tests/zoo/run --markdown docs/zoo.md`.
"""


def markdown(results):
    found = results.as_json()
    programs = sorted(found["programs"].items(), key=lambda item: (item[1]["kind"], item[0]))
    parts = [HEAD, f"{found['date']}, Linux {found['kernel']}, {found['cpus']} CPUs, {len(programs)} programs: {found['summary']}.\n"]
    kinds = sorted({entry["kind"] for _, entry in programs})
    for kind in kinds:
        parts.append(f"## {kind.capitalize()}\n")
        parts.append("| program | package | " + " | ".join(modes.ALL) + " |\n|---|---|" + "---|" * len(modes.ALL))
        for name, entry in programs:
            if entry["kind"] == kind:
                cells = [cell(entry["runs"].get(mode)) for mode in modes.ALL]
                parts.append(f"| {name} | {entry['package'].split()[0]} {entry['version']} | " + " | ".join(cells) + " |")
        parts.append("")
    told = list(reasons(programs))
    if told:
        parts += ["## Failures, and what was skipped\n", *told, ""]
    return "\n".join(parts)
