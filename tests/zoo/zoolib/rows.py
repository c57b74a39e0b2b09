"""The rows of the zoo: one table in rows/*.toml for each program."""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tomllib

ROWS = pathlib.Path(__file__).resolve().parent.parent / "rows"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/games"  # Debian's programs, not those that somebody put before them
TAGS = {"heavy", "server", "x", "sandbox", "smoke", "root"}


@dataclasses.dataclass
class Row:
    name: str
    kind: str
    package: str  # Debian's, several with a space between
    run: str  # a bash script
    needs: str = ""  # programs; the name where nothing is said
    expect: str | None = None  # all of standard output
    match: str | None = None  # a regular expression that standard output contains
    same: bool = False  # standard output is what it was on glibc
    reports: str = ""  # a mistake of the program itself that kmem reports, as a regular expression
    seconds: float = 2  # what it takes alone on two quiet cores
    tags: list = dataclasses.field(default_factory=list)

    @property
    def limit(self):
        return max(60, 20 * self.seconds)

    def missing(self):
        """The first program that is not installed; nothing if all are."""
        for program in (self.needs or self.name).split():
            if not (os.path.exists(program) if program.startswith("/") else shutil.which(program, path=PATH)):
                return program
        return ""

    def wrong_output(self, out, on_glibc):
        """What is wrong with the output; nothing if it is right."""
        if self.expect is not None and out.strip() != self.expect.strip():
            return f"wrong output: {shorten(out)}"
        if self.match is not None and not re.search(self.match, out, re.M):
            return f"the output does not contain {self.match!r}: {shorten(out)}"
        if self.same and on_glibc is not None and out != on_glibc:
            return f"not the output that it has on glibc: {first_difference(out, on_glibc)}"
        return ""


def shorten(text, most=160):
    text = " | ".join(text.strip().splitlines())
    return repr(text if len(text) <= most else text[: most // 2] + " ... " + text[-most // 2 :])


def first_difference(ours, theirs):
    for number, (a, b) in enumerate(zip(ours.splitlines() + ["(end)"], theirs.splitlines() + ["(end)"]), 1):
        if a != b:
            return f"line {number}: {shorten(a, 80)}, on glibc {shorten(b, 80)}"
    return "line ends"


def read(path, kind):
    rows = []
    for name, fields in tomllib.loads(path.read_text()).items():
        row = Row(name=name, kind=kind, **fields)
        if row.expect is None and row.match is None and not row.same:
            raise ValueError(f"{path.name}: {name}: its output is not checked")
        if not TAGS.issuperset(row.tags):
            raise ValueError(f"{path.name}: {name}: unknown tags {set(row.tags) - TAGS}")
        rows.append(row)
    return rows


def load():
    """All rows, the cheap ones first."""
    rows = [row for path in sorted(ROWS.glob("*.toml")) for row in read(path, path.stem)]
    names = [row.name for row in rows]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two rows are called {', '.join(sorted(twice))}")
    return sorted(rows, key=lambda row: ("heavy" in row.tags, row.seconds))


def packages(rows):
    return sorted({package for row in rows for package in row.package.split()})


def version_of(package):
    """As dpkg knows it; empty where it is not installed."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package.split()[0]], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
