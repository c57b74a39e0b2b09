"""The figures as markdown tables."""


def render(data):
    names = [a["name"] for a in data["allocators"]]
    parts = [_about(data["about"]), _means(data, names),
             _table(data, names, "CPU time, ms (user + system of the whole process)", "cpu_s", "cpu_ratio", 1e3),
             _table(data, names, "Peak resident memory, MiB", "peak_kb", "memory_ratio", 1 / 1024),
             _table(data, names, "Of the CPU time the kernel's, ms", "sys_s", "sys_ratio", 1e3),
             _table(data, names, "Page faults", "faults", "faults_ratio", 1),
             _table(data, names, "Patterns: ns per operation (wall, per thread)", "ns_op", "ns_op_ratio", 1),
             _shares(data, names), _problems(data)]
    return "\n".join(part for part in parts if part)


def _about(about):
    return (f"# kmem and its peers\n\n{about['date']}, {about['cpu']}, {about['cpus']} CPUs, Linux {about['kernel']}; "
            f"{about['rounds']} interleaved rounds at {about['scale']:g} of the full work, tree {about['commit']}. "
            f"Load before and after: {about['load_before']:.1f} and {about['load_after']:.1f}; the host took "
            f"{about['stolen_percent']:.1f} % of the CPU time.\n\n"
            "Read this page to see how kmem's malloc compares with other allocators on each workload. Each figure is the "
            "median of the rounds, with the least and the most below it, then its ratio to the best, which is bold. "
            "docs/measuring.md says what each figure includes.\n")


def _header(names, first):
    return f"| {first} | " + " | ".join(names) + " |\n|---|" + "---:|" * len(names) + "\n"


def _means(data, names):
    text = "## Geometric means of the ratios to the best (1.00: the best everywhere)\n\n"
    if not data["geomeans"]["all"]["workloads"]:
        return text + "None: no workload was finished by every allocator.\n"
    text += _header(names, "")
    for group in ("all", "patterns", "programs"):
        group_data = data["geomeans"][group]
        if not group_data["workloads"]:
            continue
        for key, label in (("cpu", "CPU time"), ("least_cpu", "CPU time, least of the rounds"), ("memory", "peak memory")):
            values = {n: group_data["means"][n][key] for n in names}
            cells = [_bold(f"{v:.2f}", v == min(values.values())) for v in values.values()]
            text += f"| {label}, {group} ({group_data['workloads']}) | " + " | ".join(cells) + " |\n"
    held = data["held_after_2_s"]
    if any(v is not None for v in held.values()):
        text += "| held 2 s after all was freed | " + " | ".join(_percent(held[n]) for n in names) + " |\n"
    return text


def _table(data, names, title, key, ratio, factor):
    rows = ""
    for workload in data["workloads"]:
        results = workload["results"]
        if not any(key in r for r in results.values()):
            continue
        cells = [_cell(results.get(n), key, ratio, factor) for n in names]
        rows += f"| {workload['name']} | " + " | ".join(cells) + " |\n"
    return f"\n## {title}\n\n" + _header(names, "workload") + rows if rows else ""


def _cell(result, key, ratio, factor):
    if not result or key not in result:
        return "failed"
    value = result[key]
    middle, low, high = (_short(value[k] * factor) for k in ("median", "min", "max"))
    return f"{_bold(middle, result[ratio] == 1.0)} ({result[ratio]:.2f})<br><sub>{low} – {high}</sub>"


def _shares(data, names):
    rows = ""
    for workload in data["workloads"]:
        results = workload["results"]
        if not any("idle_fraction" in r for r in results.values()):
            continue
        cells = [_share(results.get(n)) for n in names]
        rows += f"| {workload['name']} | " + " | ".join(cells) + " |\n"
    if not rows:
        return ""
    return ("\n## Patterns: how much the process grew, and what share of that it still held 2 s after all was freed\n\n"
            + _header(names, "workload") + rows)


def _share(result):
    if not result:
        return "failed"
    grown = result["grown_kb"]["median"] / 1024
    # A share of less than 1 MiB is a matter of single pages.
    share = _percent(result["idle_fraction"]["median"]) + " of " if grown >= 1 else ""
    return f"{share}{grown:.1f} MiB"


def _problems(data):
    text = ""
    if data["failures"] or data["skipped"]:
        text = "\n## Not measured\n\n"
    for failure in data["failures"]:
        text += f"- **failed**: {failure['workload']} on {failure['allocator']}: {failure['why']}\n"
    for skipped in data["skipped"]:
        text += f"- {skipped}\n"
    left_out = data["geomeans"]["all"]["left_out"]
    if left_out:
        text += f"- Left out of every mean, because not all allocators finished them: {', '.join(left_out)}\n"
    return text


def _bold(text, is_best):
    return f"**{text}**" if is_best else text


def _percent(share):
    return "–" if share is None else f"{100 * share:.0f} %"


def _short(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
