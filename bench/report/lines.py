"""A sweep: one measure of one subject over a number x, a line for each contestant, whiskers from the
lowest to the highest run. y begins at 0. x is logarithmic when it spans a factor of 30 or more, as
sweeps do that double or go by tens."""

import math

import raw
import stats
import svg
import text

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 80, 44, 64, 88
LOGARITHMIC_FROM = 30


class Scale:
    """Values to pixels."""

    def __init__(self, low, high, first_px, last_px, logarithmic=False):
        self.of = math.log if logarithmic else float
        self.low, self.first_px = self.of(low), first_px
        span = self.of(high) - self.low
        self.px_per_unit = (last_px - first_px) / span if span else 0

    def __call__(self, value):
        return self.first_px + (self.of(value) - self.low) * self.px_per_unit


def nice_step(most, steps=5):
    """1, 2 or 5 times a power of ten, so that about `steps` of them reach `most`."""
    rough = most / steps
    power = 10 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)


def series_of(rows):
    """{contestant: its rows by x}, ours first."""
    series = {}
    for row in sorted(rows, key=lambda row: row["contestant"] != raw.OURS):
        series.setdefault(row["contestant"], []).append(row)
    return {name: sorted(points, key=lambda row: row["conditions"]["x"])
            for name, points in series.items()}


def _scales(rows):
    xs = [row["conditions"]["x"] for row in rows]
    low, high = min(xs), max(xs)
    logarithmic = low > 0 and high / low >= LOGARITHMIC_FROM
    most = max(max(row["runs"]) for row in rows)
    step = nice_step(most) if most > 0 else 1
    top = step * math.ceil(most / step) if most > 0 else 1
    return (Scale(low, high, LEFT, WIDTH - RIGHT, logarithmic),
            Scale(0, top, HEIGHT - BOTTOM, TOP), step, top, logarithmic)


def _axes(rows, x_of, y_of, step, top, logarithmic):
    bottom = HEIGHT - BOTTOM
    parts = []
    for number in range(round(top / step) + 1):
        y = y_of(number * step)
        parts.append(svg.line(LEFT, y, WIDTH - RIGHT, y, "grid"))
        parts.append(svg.text(LEFT - 8, y + 4, f"{number * step:,.6g}", "quiet right"))
    last_px = -math.inf
    for x in sorted({row["conditions"]["x"] for row in rows}):
        # Labels that would lie on each other are left out.
        if x_of(x) - last_px > svg.width_of(f"{x:,}") + 8:
            parts.append(svg.text(x_of(x), bottom + 16, f"{x:,}", "quiet middle"))
            last_px = x_of(x)
    name = rows[0]["conditions"]["x_name"] + (" (logarithmic)" if logarithmic else "")
    return parts + [svg.text((LEFT + WIDTH - RIGHT) / 2, bottom + 34, name, "middle")]


def _points(name, points, number, x_of, y_of):
    at = [(x_of(row["conditions"]["x"]), row["runs"], row["conditions"]["x"]) for row in points]
    path = " ".join(f"{x:.2f},{y_of(stats.spread(runs).median):.2f}" for x, runs, _ in at)
    parts = [svg.element("polyline", "", name, points=path, class_=f"line l{number}")]
    for x, runs, value in at:
        middle, low, high = stats.spread(runs)
        if high > low:
            parts.append(svg.line(x, y_of(low), x, y_of(high), f"l{number}"))
        parts.append(svg.element("circle", "", f"{name} at {value:,}: {text.spread(runs)}", cx=x,
                                 cy=float(y_of(middle)), r=3.5, class_=f"d{number}"))
    return parts


def _legend(names):
    parts, x = [], float(LEFT)
    for number, name in enumerate(names):
        parts.append(svg.element("circle", cx=x, cy=float(HEIGHT - 22), r=4.5,
                                 class_=f"d{number % svg.SERIES}"))
        parts.append(svg.text(x + 10, HEIGHT - 18, name))
        x += svg.width_of(name) + 34
    return parts


def plot(title, rows):
    """`rows`: of one subject, measure and unit, each with an x."""
    x_of, y_of, step, top, logarithmic = _scales(rows)
    series = series_of(rows)
    about = (f"{rows[0]['unit']}, {rows[0]['better']} is better; medians, whiskers from the lowest to "
             "the highest run")
    parts = [svg.text(12, 22, title, "head"), svg.text(12, 40, about, "quiet")]
    parts += _axes(rows, x_of, y_of, step, top, logarithmic)
    for number, (name, points) in enumerate(series.items()):
        parts += _points(name, points, number % svg.SERIES, x_of, y_of)
    parts += _legend(series)
    return svg.document(WIDTH, HEIGHT, title, about, parts)
