"""The figures as one picture, written as SVG by hand: bars of the means, then a dot for each workload and allocator."""
import math
from xml.sax.saxutils import escape

WIDTH = 1120
MARGIN = 24
LABEL = 150  # room for a workload's name
ROW = 19
PANEL_GAP = 36
INK, PALE, GRID = "#222222", "#666666", "#dddddd"
MOST = 8.0  # ratios beyond this are drawn at the edge, with their number


class Canvas:
    """Collects elements; everything is in pixels from the top left."""

    def __init__(self):
        self.parts = []

    def text(self, x, y, words, size=12, anchor="start", colour=INK, weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
                          f'font-weight="{weight}">{escape(words)}</text>')

    def line(self, x1, y1, x2, y2, colour=GRID, width=1):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
                          f'stroke-width="{width}"/>')

    def bar(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>')

    def dot(self, x, y, colour, hint, large=False):
        radius = 5.5 if large else 4.2
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" fill-opacity="0.9" '
                          f'stroke="white" stroke-width="0.8"><title>{escape(hint)}</title></circle>')

    def arrow(self, x, y, colour, hint):
        self.parts.append(f'<path d="M{x - 4:.1f} {y - 5:.1f} L{x + 5:.1f} {y:.1f} L{x - 4:.1f} {y + 5:.1f} Z" '
                          f'fill="{colour}" stroke="white" stroke-width="0.8"><title>{escape(hint)}</title></path>')

    def finish(self, height):
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
                f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif">')
        return "\n".join([head, f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>', *self.parts, "</svg>\n"])


def render(data, colours):
    canvas = Canvas()
    about = data["about"]
    canvas.text(MARGIN, 36, "kmem and its peers: ratio to the best allocator of each workload", 19, weight="bold")
    canvas.text(MARGIN, 56, f"{about['date']}, {about['cpus']} CPUs, median of {about['rounds']} interleaved rounds at "
                f"{about['scale']:g} of the full work; shorter bars and dots further left are better", 12, colour=PALE)
    y = _bars(canvas, data, colours, 84)
    y = _legend(canvas, data, colours, y + 26)
    y = _dots(canvas, data, colours, y + 26)
    return canvas.finish(y + MARGIN)


def _bars(canvas, data, colours, top):
    means = data["geomeans"]["all"]
    title = f"geometric mean of {means['workloads']} workloads"
    panels = [(f"CPU time, {title}", {n: m["cpu"] for n, m in means["means"].items()}, "{:.2f}"),
              (f"Peak memory, {title}", {n: m["memory"] for n, m in means["means"].items()}, "{:.2f}"),
              ("Still held 2 s after all was freed, % of growth",
               {n: None if v is None else 100 * v for n, v in data["held_after_2_s"].items()}, "{:.0f} %")]
    panels = [p for p in panels if any(v is not None for v in p[1].values())]
    width = (WIDTH - 2 * MARGIN - PANEL_GAP * 2) / 3
    bottom = top
    for i, panel in enumerate(panels):
        x = MARGIN + i * (width + PANEL_GAP)
        bottom = max(bottom, _bar_panel(canvas, x, top, width, *panel, colours))
    return bottom


def _bar_panel(canvas, x, top, width, title, values, form, colours):
    canvas.text(x, top, title, 12.5, weight="bold")
    most = max(max(v for v in values.values() if v is not None), 1e-9)
    names, numbers = 78, 50
    y = top + 12
    for name, value in sorted(values.items(), key=lambda item: math.inf if item[1] is None else item[1]):
        canvas.text(x + names - 8, y + 14, name, 12, "end", weight="bold" if name == "kmem" else "normal")
        if value is not None:
            length = max(1, (width - names - numbers) * value / most)
            canvas.bar(x + names, y + 2, length, 16, colours[name])
            canvas.text(x + names + length + 6, y + 14, form.format(value), 12)
        y += 22
    return y


def _legend(canvas, data, colours, y):
    canvas.text(MARGIN, y, "Each workload:", 12.5, weight="bold")
    x = MARGIN + 118
    for allocator in data["allocators"]:
        canvas.dot(x, y - 4, colours[allocator["name"]], allocator["name"], allocator["name"] == "kmem")
        canvas.text(x + 10, y, f"{allocator['name']} {_short_version(allocator['version'])}", 12)
        x += 34 + 7.2 * len(f"{allocator['name']} {_short_version(allocator['version'])}")
    return y


def _short_version(version):
    return "" if version in ("unknown", "this tree") else version.split("+")[0].split("-")[0]


def _dots(canvas, data, colours, top):
    width = (WIDTH - 2 * MARGIN - LABEL - PANEL_GAP) / 2
    cpu_x, memory_x = MARGIN + LABEL, MARGIN + LABEL + width + PANEL_GAP
    y = top + 34
    for kind, title in (("pattern", "patterns"), ("program", "programs")):
        workloads = [w for w in data["workloads"] if w["kind"] == kind]
        if not workloads:
            continue
        canvas.text(MARGIN, y - 12, title, 12.5, weight="bold", colour=PALE)
        for x, key in ((cpu_x, "CPU time"), (memory_x, "peak memory")):
            _axis(canvas, x, y, width, key, len(workloads) * ROW)
        for workload in workloads:
            middle = y + ROW / 2
            canvas.text(MARGIN, middle + 4, workload["name"], 12)
            _row(canvas, workload, cpu_x, middle, width, "cpu_ratio", colours)
            _row(canvas, workload, memory_x, middle, width, "memory_ratio", colours)
            y += ROW
        y += 44
    return y - 44


def _place(x, width, ratio):
    return x + (width - 30) * math.log2(min(ratio, MOST)) / math.log2(MOST)


def _axis(canvas, x, top, width, title, height):
    canvas.text(x + (width - 30) / 2, top - 22, f"{title}, times the best", 12, "middle", weight="bold")
    for tick in (1, 1.25, 1.5, 2, 3, 4, 6, 8):
        at = _place(x, width, tick)
        canvas.line(at, top, at, top + height, INK if tick == 1 else GRID)
        canvas.text(at, top - 6, f"{tick:g}", 10.5, "middle", PALE)


def _row(canvas, workload, x, y, width, key, colours):
    canvas.line(x, y, x + width - 30, y, "#f0f0f0")
    # kmem last, so that it lies on top
    for name, result in sorted(workload["results"].items(), key=lambda item: item[0] == "kmem"):
        ratio = result[key]
        hint = f"{workload['name']}: {name} {ratio:.2f}"
        if ratio > MOST:
            canvas.arrow(_place(x, width, ratio) + 6, y, colours[name], hint)
        else:
            canvas.dot(_place(x, width, ratio), y, colours[name], hint, name == "kmem")
    beyond = sorted((r[key], name) for name, r in workload["results"].items() if r[key] > MOST)
    if beyond:
        canvas.text(x + width - 16, y + 4, f"{beyond[-1][0]:.0f}×", 10, colour=colours[beyond[-1][1]])
