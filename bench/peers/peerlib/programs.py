"""Real programs, each with an input that keeps it busy for about a second.

Everyone's output is hashed: an allocator that changes one byte of it has failed, however fast it was.
"""
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from . import inputs
from .measure import ENVIRONMENT, TIMEOUT_S, Failed, Process, costs

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripts")


def tool(name):
    """Debian's own binary before any version manager's wrapper: a wrapper would be measured along."""
    for path in (f"/usr/bin/{name}", f"/bin/{name}", f"/usr/games/{name}"):
        if os.access(path, os.X_OK):
            return path
    return shutil.which(name)


class Program:
    """One command; every run has an empty working directory of its own."""

    kind = "program"

    def __init__(self, name, says, package, command, prepare=None, stdin=None, env=None, outputs=(), needs=None):
        self.name, self.says, self._package = name, says, package
        self._command, self._prepare, self._stdin = command, prepare, stdin
        self._env, self._outputs = env or {}, outputs
        self._binary = tool(command[0])
        self._needs = needs or command[0]

    def missing(self):
        if self._binary is None or tool(self._needs) is None:
            return f"{self._needs} is not installed (apt-get install {self._package})"
        return None

    def prepare(self, directory):
        self._directory = directory
        if self._prepare:
            self._prepare(os.path.join(directory, "input"))

    def start(self, allocator):
        work = tempfile.mkdtemp(prefix=f"{self.name}-", dir=self._directory)
        try:
            return self._run(allocator, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @staticmethod
    def finish(sample):
        return sample

    def _run(self, allocator, work):
        given = os.path.join(self._directory, "input")
        names = {"@input": given, "@scripts": SCRIPTS, "@work": work}
        command = [self._binary] + [self._filled(part, names) for part in self._command[1:]]
        env = {"HOME": work, "TMPDIR": work, **self._env, **allocator.env}
        printed = os.path.join(work, "stdout")
        with open(printed, "wb") as out:
            process = Process(self._launcher, allocator.preload, command, cwd=work, env=env,
                              stdin=given if self._stdin else None, stdout=out)
            cost = process.finish()
        digest = hashlib.sha256()
        for name in (printed, *(os.path.join(work, output) for output in self._outputs)):
            with open(name, "rb") as file:
                digest.update(file.read())
        return {**costs(cost), "digest": digest.hexdigest()}

    @staticmethod
    def _filled(part, names):
        for name, value in names.items():
            part = part.replace(name, value)
        return part

    def use_launcher(self, launcher):
        self._launcher = launcher


class Redis:
    """A server under redis-benchmark, then under a stream of commands whose replies are checked.

    Only the server has the allocator and only its costs count.  Debian's redis-server links jemalloc, so that glibc's
    malloc must be preloaded like any other; jemalloc runs as shipped.
    """

    name = "redis"
    kind = "program"
    says = "redis-server under redis-benchmark and a checked stream of commands"

    def __init__(self, scale):
        self._scale = scale
        self._server, self._client = tool("redis-server"), tool("redis-benchmark")

    def missing(self):
        if self._server is None or self._client is None:
            return "redis-server or redis-benchmark is not installed (apt-get install redis-server redis-tools)"
        return None

    def use_launcher(self, launcher):
        self._launcher = launcher

    def prepare(self, directory):
        self._directory = directory
        inputs.redis_commands(os.path.join(directory, "input"), max(1000, int(80_000 * self._scale)))

    def start(self, allocator):
        work = tempfile.mkdtemp(prefix="redis-", dir=self._directory)
        port = self._free_port()
        preload = "" if allocator.name == "jemalloc" else allocator.library
        command = [self._server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                   "--dir", work, "--loglevel", "warning"]
        server = Process(self._launcher, preload, command, cwd=work, env=allocator.env)
        try:
            start = time.monotonic()
            self._wait_until_up(server, port)
            self._benchmark(port)
            digest = self._stream(port)
            wall = time.monotonic() - start
            self._stop(port)
            cost = server.finish()
        finally:
            server.kill()
            shutil.rmtree(work, ignore_errors=True)
        return {**costs(cost), "wall_s": wall, "digest": digest}

    @staticmethod
    def finish(sample):
        return sample

    @staticmethod
    def _free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    @staticmethod
    def _wait_until_up(server, port):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return
            except OSError:
                if server.is_over():
                    server.finish()  # raises with the reason
                    break
                time.sleep(0.02)
        raise Failed("redis-server does not answer")

    def _benchmark(self, port):
        requests = max(1000, int(60_000 * self._scale))
        done = subprocess.run(
            [self._client, "-p", str(port), "-q", "-n", str(requests), "-c", "20", "-P", "16", "-r", "50000", "-d",
             "100", "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,mset"], capture_output=True, timeout=TIMEOUT_S,
            env=ENVIRONMENT, check=False)
        if done.returncode != 0:
            raise Failed(f"redis-benchmark: {done.stderr.decode(errors='replace')[-200:]}")

    def _stream(self, port):
        """Sends the prepared commands while another thread hashes the replies."""
        digest = hashlib.sha256()
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as link:
            # What redis-benchmark left depends on the order of its clients: start from nothing.
            link.sendall(b"FLUSHALL\r\n")
            if link.recv(64) != b"+OK\r\n":
                raise Failed("redis-server refused FLUSHALL")

            def read():
                for reply in iter(lambda: link.recv(1 << 16), b""):
                    digest.update(reply)

            reader = threading.Thread(target=read)
            reader.start()
            with open(os.path.join(self._directory, "input"), "rb") as commands:
                link.sendfile(commands)
            link.sendall(b"DBSIZE\r\nQUIT\r\n")  # after which the server closes the connection
            reader.join()
        return digest.hexdigest()

    @staticmethod
    def _stop(port):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
            link.sendall(b"SHUTDOWN NOSAVE\r\n")
            link.recv(64)


def all_programs(scale, launcher):
    """`scale` is the share of the full amount of work, as for the patterns."""

    def of(amount):
        return max(1, round(amount * scale))

    fixed_git = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}
    for role in ("AUTHOR", "COMMITTER"):
        fixed_git.update({f"GIT_{role}_NAME": "A", f"GIT_{role}_EMAIL": "a@b",
                          f"GIT_{role}_DATE": "2020-01-01T00:00:00Z"})

    programs = [
        Redis(scale),
        # Python's own small-object allocator is switched off: with it, malloc would hardly be asked.
        Program("python3", "dictionaries, strings, lists, JSON (PYTHONMALLOC=malloc)", "python3",
                ["python3", "@scripts/churn.py", str(of(8))], env={"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"}),
        Program("perl", "hashes, lists, regular expressions", "perl", ["perl", "@scripts/churn.pl", str(of(16))],
                env={"PERL_HASH_SEED": "0"}),
        Program("lua", "tables, strings, closures", "lua5.4", ["lua5.4", "@scripts/churn.lua", str(of(16))]),
        Program("sqlite3", "tables in memory filled, indexed, joined, cut down", "sqlite3", ["sqlite3", ":memory:"],
                lambda file: inputs.sql_script(file, of(250_000)), stdin=True),
        Program("cc1plus", "g++ -O1 -S of a large generated file", "g++",
                ["g++", "-x", "c++", "-std=c++20", "-O1", "-S", "-o", "out.s", "@input"],
                lambda file: inputs.cxx_source(file, of(4)), outputs=("out.s",)),
        Program("git", "add, commit, log, gc, fsck of a generated tree", "git",
                ["sh", "@scripts/churn.sh", "@work/repo", str(of(1500))], env=fixed_git, needs="git"),
        Program("node", "JSON, Map, Buffer", "nodejs", ["node", "@scripts/churn.js", str(of(12))]),
        Program("ghostscript", "a generated document rendered to pixels", "ghostscript",
                ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=ppmraw", "-r60", "-sOutputFile=@work/out.ppm",
                 "@input"], lambda file: inputs.postscript(file, of(60)), outputs=("out.ppm",)),
        Program("z3", "a schedule in integers and a factoring in bit-vectors", "z3", ["z3", "-smt2", "@input"],
                lambda file: inputs.smt_problem(file, 8 if scale < 0.5 else 9)),
        Program("sort", "sort --parallel=2 of a text", "coreutils",
                ["sort", "--parallel=2", "-S", "64M", "-k2,3", "-k1n", "@input"],
                lambda file: inputs.text_lines(file, of(500_000))),
        Program("xz", "xz -T2 of a text", "xz-utils", ["xz", "-T2", "-2", "--block-size=4MiB", "-c", "@input"],
                lambda file: inputs.text_lines(file, of(150_000))),
    ]
    for program in programs:
        program.use_launcher(launcher)
    return programs
