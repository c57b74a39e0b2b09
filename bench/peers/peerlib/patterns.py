"""The patterns: one C++ program, built here when its sources are newer, one process per run."""
import glob
import json
import os
import subprocess

from .measure import Failed, Process, costs

# -fno-builtin: the compiler knows malloc and may leave out a pair that nobody looks at.
PATTERN_FLAGS = ["-std=c++20", "-O2", "-fno-builtin", "-Wall", "-Wextra", "-pthread"]


def build(source_dir, build_dir, say):
    """Returns the path of the pattern program, and the launcher's command."""
    os.makedirs(build_dir, exist_ok=True)
    sources = sorted(glob.glob(os.path.join(source_dir, "patterns", "*.cc")))
    headers = glob.glob(os.path.join(source_dir, "patterns", "*.h"))
    patterns = os.path.join(build_dir, "peers-patterns")
    launcher = os.path.join(build_dir, "peers-launch")
    _compile(patterns, sources, headers, PATTERN_FLAGS, say)
    _compile(launcher, [os.path.join(source_dir, "launch.cc")], [], ["-std=c++20", "-O2"], say)
    return patterns, [launcher]


def _compile(target, sources, headers, flags, say):
    newest = max(os.path.getmtime(file) for file in sources + headers)
    if os.path.exists(target) and os.path.getmtime(target) >= newest:
        return
    say(f"building {os.path.basename(target)}")
    compiler = os.environ.get("CXX", "g++")
    try:
        subprocess.run([compiler, *flags, *sources, "-o", target, "-ldl"], check=True)
    except FileNotFoundError:
        raise SystemExit(f"bench/peers/run: no compiler '{compiler}' (apt-get install g++, or set CXX)") from None
    except subprocess.CalledProcessError:
        raise SystemExit(f"bench/peers/run: {os.path.basename(target)} does not compile, see above") from None


class Pattern:
    """One of the program's patterns as a workload."""

    kind = "pattern"

    def __init__(self, name, says, binary, launcher, scale):
        self.name, self.says = name, says
        self._binary, self._launcher, self._scale = binary, launcher, scale

    def missing(self):
        return None

    def prepare(self, directory):
        self._directory = directory

    def start(self, allocator):
        """Returns when all memory is freed; the process then sleeps on while others are measured."""
        process = Process(self._launcher, allocator.preload,
                          [self._binary, self.name, "--scale", str(self._scale)], cwd=self._directory, env=allocator.env)
        if process.wait_for_line() != "freed":
            process.finish()  # raises with the reason
            raise Failed("it ended without figures")
        return process

    @staticmethod
    def finish(process):
        cost = process.finish()
        own = json.loads(cost["output"])
        # The kernel's high-water mark lags by some pages for each CPU; what was seen later was there before.
        grown = max(1, max(own["peak_kb"], own["freed_kb"], own["idle_kb"]) - own["start_kb"])
        return {
            **costs(cost), "wall_s": own["work_s"],
            "ns_op": own["ns_op"], "ns_op_min": own["ns_op_min"], "cpu_ns_op": own["cpu_ns_op"],
            "grown_kb": grown, "live_kb": own["live_kb"],
            "freed_fraction": max(0, own["freed_kb"] - own["start_kb"]) / grown,
            "idle_fraction": max(0, own["idle_kb"] - own["start_kb"]) / grown,
        }


def all_patterns(binary, launcher, scale):
    listing = subprocess.run([binary, "--list"], capture_output=True, text=True, check=True).stdout
    return [Pattern(*line.split("\t"), binary, launcher, scale) for line in listing.splitlines()]
