#!/usr/bin/env python3
"""Real programs must give on kmem's malloc, byte for byte, what they give on glibc's.

Each workload runs in an empty folder of its own, first on glibc and then on the malloc under test, with the same path
and environment; standard output, standard error, the exit status and every file left behind are compared, and nothing
is normalised.  A workload whose programs are not installed is skipped with a word.

  same_output.py ON.SH MALLOC [WORKLOAD ...]      MALLOC as in on.sh; `glibc` shows which workloads can be compared
"""

import dataclasses
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

if sys.argv[1:2] in (["-h"], ["--help"]):
    print(__doc__.strip())
    sys.exit(0)

HERE = pathlib.Path(__file__).resolve().parent / "programs"
PATIENCE = 600  # seconds for one workload, which takes one or two

# Name: (programs that it needs, a bash script).  $P is the folder of our programs; text, numbers and other inputs are
# made below.  What lies in scratch/ is not compared: it holds times and inode numbers.
WORKLOADS = {
    "python": ("python3", "PYTHONHASHSEED=0 $PYTHON $P/words.py"),
    "python-malloc": ("python3", "PYTHONMALLOC=malloc PYTHONHASHSEED=0 $PYTHON $P/words.py"),
    "perl": ("perl", "perl $P/words.pl"),
    "lua": ("lua5.4", "lua5.4 $P/tables.lua"),
    "sqlite": ("sqlite3", "sqlite3 < $P/tables.sql"),
    "g++": ("g++", "g++ -std=c++17 -O1 -g -frandom-seed=1 -S $P/templates.cc -o templates.s; g++ -c $P/no_such.cc"),
    "clang": ("clang++", "clang++ -std=c++17 -O1 -S $P/templates.cc -o templates.s"),
    "link": ("g++", "g++ -std=c++17 -frandom-seed=1 $P/templates.cc -o templates && ./templates; nm -C templates"),
    "git": (
        "git",
        """export GIT_AUTHOR_DATE='2001-01-01T00:00:00Z' GIT_COMMITTER_DATE='2001-01-01T00:00:00Z'
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
        mkdir scratch; cd scratch; git init -q -b main .
        for i in 1 2 3 4 5 6; do
          split -l $((i * 40)) ../text part$i.; git add -A; git commit -qm "Step $i"; rm part$i.a?
        done
        git log --stat; git repack -adq --threads=2; git fsck --strict; git grep -c aba main
        git diff main~3 main | md5sum; git blame part6.ba | tail -3; git rev-parse HEAD; git checkout nothing""",
    ),
    "gs": ("gs", "gs -q -dNOPAUSE -dBATCH -sDEVICE=png16m -r100 -sOutputFile=drawing.png $P/drawing.ps"),
    "z3": ("z3", "z3 $P/puzzle.smt2"),
    "node": ("node", "node $P/objects.js"),
    "java": ("java javac", "mkdir scratch; javac -d scratch $P/Objects.java; java -Xmx128m -cp scratch Objects"),
    "sort": ("sort", "sort --parallel=2 -S 2M text text numbers | uniq -c | sort -k1nr -k2 | head -50; shuf -n 1 none"),
    "xz": ("xz", "xz -T2 --block-size=200KiB -k blob; xz -t blob.xz && xz -dc blob.xz | cmp - blob; xz -l blob.xz"),
    "tar": (
        "tar gzip zstd bzip2",
        """mkdir files; split -l 500 text files/; tar --sort=name --mtime=@0 --owner=0 --group=0 -cf all.tar files
        gzip -nk all.tar; zstd -qk -T2 all.tar; bzip2 -k all.tar; tar tf all.tar.gz; tar xOf all.tar.bz2 | md5sum""",
    ),
    "bash": ("bash", "bash $P/forks.bash 2>&1"),
    "dash": ("dash", "for i in 1 2 3 4 5 6 7 8 9; do dash -c 'x=$(seq 1 500); echo $x | wc; echo $0 $1' a b; done"),
    "make": ("make", "make -s -j2 -f $P/Makefile; cat all.txt"),
    "openssl": (
        "openssl",
        """openssl dgst -sha512 text; openssl enc -aes-256-cbc -pbkdf2 -S 0102030405060708 -k x -in text -out enc
        openssl enc -d -aes-256-cbc -pbkdf2 -S 0102030405060708 -k x -in enc | cmp - text
        openssl prime 1000000007; openssl ciphers | tr : '\\n' | sort; openssl version""",
    ),
    "gdb": ("gdb", "gdb --version; gdb -nx -batch -ex 'print 6*7' -ex 'info line main' -ex 'info types' $(which make)"),
    "text-tools": (
        "awk sed grep diff find",
        """awk '{ n[$1]++ } END { for (w in n) print n[w], w }' text | sort | tail; sed -E 's/(a+)b/[\\1]/g' text | md5sum
        grep -cE '(ab|cd)+e?f' text; diff text numbers | tail -3; find . -type f | sort; od -c blob | tail -4""",
    ),
    "jq": ("jq", "jq -n '[range(20000) | {id: ., s: (. * 7 | tostring)}] | map(select(.id % 7 == 0)) | length, .[9:12]'"),
    "xmllint": ("xmllint", "$PYTHON -c 'print(\"<a>\" + \"<b c=\\\"d\\\">e</b>\" * 20000 + \"</a>\")' > x.xml; "
                           "xmllint --format x.xml | md5sum; xmllint --xpath 'count(//b)' x.xml; xmllint text | head -3"),
    "tcl": ("tclsh", "echo 'for {set i 0} {$i < 30000} {incr i} {lappend l [expr {$i * 7919 % 9973}]}; "
                     "puts [lrange [lsort -integer $l] 100 130]; puts [string length [join $l]]' | tclsh"),
    "curl": ("curl", "curl -s file://$PWD/text | md5sum; curl --no-such-option; curl -s file://$PWD/none"),
    "cmake": ("cmake", "echo 'foreach(i RANGE 3000)\nlist(APPEND l \"x${i}\")\nendforeach()\nlist(SORT l)\n"
                       "list(LENGTH l n)\nstring(SHA256 s \"${l}\")\nmessage(\"${n} ${s}\")' > a.cmake; cmake -P a.cmake"),
    "vim": ("vim", "vim -u NONE -es -c '%s/ab/<>/g' -c '%sort' -c 'w! sorted' -c 'q!' text; tail -3 sorted"),
    "redis-cli": ("redis-cli", "redis-cli --version; redis-cli -h 127.0.0.1 -p 1 ping"),
    "gnuplot": ("gnuplot", "echo 'set terminal svg; set output \"a.svg\"; plot sin(x), cos(x*x)' | gnuplot"),
}


@dataclasses.dataclass
class Result:
    status: int
    out: bytes
    err: bytes
    files: dict
    seconds: float


def make_inputs():
    """The input files, by name: the same in every run."""
    generator = random.Random(1)
    words = ["".join(generator.choices("abcdef", k=generator.randrange(1, 8))) for _ in range(3000)]
    lines = [" ".join(generator.choices(words, k=generator.randrange(1, 9))) for _ in range(30000)]
    numbers = [str(generator.randrange(10**9)) for _ in range(50000)]
    blob = b"".join(generator.randbytes(500) + generator.choice(words).encode() * 200 for _ in range(1500))
    return {"text": "\n".join(lines).encode() + b"\n", "numbers": "\n".join(numbers).encode() + b"\n", "blob": blob}


def files_below(folder, inputs):
    """What the workload has written, by path."""
    result = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(("scratch/", ".")) and name not in inputs:
            result[name] = path.read_bytes()
    return result


def run(launch, script, folder, inputs):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in inputs.items():
        (folder / name).write_bytes(content)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", "HOME": str(folder), "P": str(HERE),
                   "PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(folder)}
    for name in ("KMEM_MALLOC_SO", "LD_LIBRARY_PATH"):
        if name in os.environ:
            environment[name] = os.environ[name]
    begin = time.monotonic()
    process = subprocess.run(launch + ["bash", "-c", script], cwd=folder, env=environment, capture_output=True,
                             stdin=subprocess.DEVNULL, timeout=PATIENCE)
    seconds = time.monotonic() - begin
    return Result(process.returncode, process.stdout, process.stderr, files_below(folder, inputs), seconds)


def first_difference(ours, theirs):
    ours, theirs = ours.splitlines(), theirs.splitlines()
    for number, (line, expected) in enumerate(zip(ours + [b"(end)"], theirs + [b"(end)"]), 1):
        if line != expected:
            return f"line {number}: {line[:200]!r}, on glibc {expected[:200]!r}"
    return f"{len(ours)} lines, on glibc {len(theirs)}"


def differences(ours, theirs):
    if ours.status != theirs.status:
        yield f"exit status {ours.status}, on glibc {theirs.status}"
    if ours.out != theirs.out:
        yield "standard output: " + first_difference(ours.out, theirs.out)
    if ours.err != theirs.err:
        yield "standard error: " + first_difference(ours.err, theirs.err)
    for name in sorted(ours.files.keys() | theirs.files.keys()):
        if ours.files.get(name) != theirs.files.get(name):
            yield f"the file {name} differs"


def compare(on, malloc, name, folder, inputs):
    """Runs one workload on both; a list of differences, or None if it had to be skipped."""
    needs, script = WORKLOADS[name]
    missing = [program for program in needs.split() if shutil.which(program) is None]
    if missing:
        print(f"[skipped] {name}: {', '.join(missing)} not installed", flush=True)
        return None
    try:
        theirs = run([on, "glibc"], script, folder, inputs)
        ours = run([on, malloc], script, folder, inputs)
    except subprocess.TimeoutExpired as error:
        found = [f"did not end within {PATIENCE} s: {' '.join(error.cmd[:2])}"]
    else:
        found = list(differences(ours, theirs))
        print(f"[{'differs' if found else '  same '}] {name}: {theirs.seconds:.1f} s on glibc, {ours.seconds:.1f} s on "
              f"{malloc}, exit status {ours.status}, {len(ours.out)} bytes, {len(ours.files)} files", flush=True)
    for line in found:
        print("    " + line, flush=True)
    return found


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    on, malloc = sys.argv[1:3]
    inputs = make_inputs()
    nr_same, bad, skipped = 0, [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[3:] or WORKLOADS:
            found = compare(on, malloc, name, pathlib.Path(folder) / "work", inputs)
            if found is None:
                skipped.append(name)
            elif found:
                bad.append(name)
            else:
                nr_same += 1
    print(f"{nr_same} the same, {len(bad)} differ {bad}, {len(skipped)} skipped {skipped}")
    return 1 if bad else 0 if nr_same else 77


if __name__ == "__main__":
    sys.exit(main())
