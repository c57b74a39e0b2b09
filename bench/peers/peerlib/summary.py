"""From samples to figures: medians with their spread, ratios to the best, geometric means."""
import math
import statistics

# What is kept of each sample, with a median, a least and a most.
FIGURES = ("cpu_s", "sys_s", "wall_s", "peak_kb", "faults", "huge_kb", "last_kb", "ns_op", "ns_op_min", "cpu_ns_op", "grown_kb", "live_kb", "freed_fraction",
           "idle_fraction")
# A share of little is noise: only patterns that grew by this much say what is given back.
GREW_KB = 8 << 10


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summarize(workloads, allocators, results):
    """Everything that the reports show, as plain data."""
    table = [_workload(workload, allocators, results) for workload in workloads]
    return {
        "allocators": [{"name": a.name, "version": a.version} for a in allocators],
        "workloads": table,
        "geomeans": {group: _geomeans(_of_kind(table, kind), allocators)
                     for group, kind in (("all", None), ("patterns", "pattern"), ("programs", "program"))},
        "held_after_2_s": {a.name: _held(table, a) for a in allocators},
        "failures": [{"workload": w, "allocator": a, "why": why} for (w, a), why in results.failures.items()],
    }


def _workload(workload, allocators, results):
    figures = {}
    for allocator in allocators:
        samples = results.samples[workload.name].get(allocator.name)
        if samples:
            figures[allocator.name] = {key: spread([s[key] for s in samples]) for key in FIGURES if key in samples[0]}
            figures[allocator.name]["rounds"] = len(samples)
    for key, ratio in (("cpu_s", "cpu_ratio"), ("peak_kb", "memory_ratio"), ("ns_op", "ns_op_ratio"), ("sys_s", "sys_ratio"),
                       ("faults", "faults_ratio")):
        _add_ratio(figures, key, ratio, "median")
    _add_ratio(figures, "cpu_s", "least_cpu_ratio", "min")
    return {"name": workload.name, "kind": workload.kind, "says": workload.says, "results": figures}


def _add_ratio(figures, key, ratio, which):
    values = [f[key][which] for f in figures.values() if key in f]
    if not values:
        return
    best = max(min(values), 1e-6)
    for f in figures.values():
        f[ratio] = f[key][which] / best


def _of_kind(table, kind):
    return [w for w in table if kind in (None, w["kind"])]


def _geomeans(table, allocators):
    """Over the workloads that every allocator finished: a mean over different sets compares nothing."""
    common = [w for w in table if len(w["results"]) == len(allocators)]
    means = {}
    for allocator in allocators:
        results = [w["results"][allocator.name] for w in common]
        means[allocator.name] = {"cpu": _geomean([r["cpu_ratio"] for r in results]),
                                 "least_cpu": _geomean([r["least_cpu_ratio"] for r in results]),
                                 "memory": _geomean([r["memory_ratio"] for r in results])}
    return {"workloads": len(common), "left_out": [w["name"] for w in table if w not in common], "means": means}


def _geomean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values)) if values else None


def _held(table, allocator):
    """The median share of its growth that a process still holds 2 s after it has freed all."""
    shares = [w["results"][allocator.name]["idle_fraction"]["median"] for w in table
              if allocator.name in w["results"] and _grew(w)]
    return statistics.median(shares) if shares else None


def _grew(workload):
    """The same patterns count for everyone: those in which the allocators grew by enough, as a rule."""
    grown = [r["grown_kb"]["median"] for r in workload["results"].values() if "grown_kb" in r]
    return bool(grown) and statistics.median(grown) >= GREW_KB
