"""The order of things: every round runs each workload on every allocator in turn, A B C ... then B C ... A."""
import collections
import os

from .measure import Failed

# Freed patterns sleep for 2 s while the next runs go on; more of them than this would hold much memory at once.
MOST_ASLEEP = 6


class Results:
    """What came out so far: samples by workload and allocator, and what went wrong."""

    def __init__(self):
        self.samples = collections.defaultdict(lambda: collections.defaultdict(list))
        self.failures = {}

    def add(self, workload, allocator, sample):
        reference = self._digest(workload)
        if reference and sample.get("digest") != reference:
            self.fail(workload, allocator, "its output is not that of the first allocator")
        else:
            self.samples[workload.name][allocator.name].append(sample)

    def fail(self, workload, allocator, why):
        self.failures[workload.name, allocator.name] = why
        self.samples[workload.name].pop(allocator.name, None)

    def has_failed(self, workload, allocator):
        return (workload.name, allocator.name) in self.failures

    def _digest(self, workload):
        for samples in self.samples[workload.name].values():
            for sample in samples:
                return sample.get("digest")
        return None


class Rounds:
    """Runs the rounds; processes that only sleep are collected later."""

    def __init__(self, workloads, allocators, rounds, say):
        self._workloads, self._allocators, self._rounds, self._say = workloads, allocators, rounds, say
        self._asleep = collections.deque()
        self.results = Results()

    def run(self):
        for turn in range(self._rounds):
            for number, workload in enumerate(self._workloads):
                shift = turn % len(self._allocators)
                for allocator in self._allocators[shift:] + self._allocators[:shift]:
                    self._one(workload, allocator)
                if workload.kind == "program":  # over when started; a pattern may still be asleep
                    self._collect(0)
                self._tell(turn, number, workload)
        self._collect(0)
        return self.results

    def _one(self, workload, allocator):
        if self.results.has_failed(workload, allocator):
            return
        try:
            started = workload.start(allocator)
        except (Failed, OSError) as problem:
            self._failed(workload, allocator, problem)
            return
        self._asleep.append((workload, allocator, started))
        self._collect(MOST_ASLEEP)

    def _collect(self, leave):
        """Waits for the oldest until at most `leave` are asleep."""
        while len(self._asleep) > leave:
            workload, allocator, started = self._asleep.popleft()
            try:
                self.results.add(workload, allocator, workload.finish(started))
            except (Failed, OSError, ValueError) as problem:
                self._failed(workload, allocator, problem)

    def _failed(self, workload, allocator, problem):
        self._say(f"FAILED {workload.name} on {allocator.name}: {problem}")
        self.results.fail(workload, allocator, str(problem))

    def _tell(self, turn, number, workload):
        """The newest figures; those of a pattern are a round old while it sleeps."""
        seen = self.results.samples[workload.name]
        figures = "  ".join(f"{a.name} {seen[a.name][-1]['cpu_s']:.2f}" for a in self._allocators if seen.get(a.name))
        self._say(f"round {turn + 1}/{self._rounds} [{number + 1:2}/{len(self._workloads)}] {workload.name:18} "
                  + (f"CPU s: {figures}" if figures else "done, now asleep for 2 s"))


def system_load():
    """Runnable processes over the last minute, and the time that the host took from us: how far to trust a figure."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(field) for field in file.readline().split()[1:]]
    return {"load": os.getloadavg()[0], "total": sum(ticks[:8]), "stolen": ticks[7] if len(ticks) > 7 else 0}
