"""Horizontal bars of one measure: a group for each subject, a bar for each contestant, a whisker from
the lowest to the highest run. Every subject has its own scale from 0: contestants are compared within
it, and one of a thousand times the rate wouldn't leave anything to see of the others."""

import collections

import raw
import stats
import svg
import text

ROW = 20
BAR = 13
HEAD = 24
LEFT_MIN = 120
PLOT = 400
RIGHT = 230

Bar = collections.namedtuple("Bar", "contestant runs")


def groups_of(rows):
    """{subject with conditions: [Bar]}, ours first and the others as they were recorded."""
    groups = {}
    for row in rows:
        groups.setdefault(raw.label(row), []).append(Bar(row["contestant"], row["runs"]))
    for bars in groups.values():
        bars.sort(key=lambda bar: bar.contestant != raw.OURS)
    return groups


def _bar(bar, top, left, px_per_unit):
    middle, low, high = stats.spread(bar.runs)
    centre = top + ROW / 2
    words = text.spread(bar.runs)
    kind = "ours" if bar.contestant == raw.OURS else "other"
    parts = [svg.text(left - 8, centre + 4, bar.contestant, "right"),
             svg.element("rect", "", f"{bar.contestant}: {words}", x=float(left),
                         y=float(centre - BAR / 2), width=float(middle * px_per_unit),
                         height=float(BAR), class_=kind),
             svg.text(left + PLOT + 10, centre + 4, words, "quiet")]
    if high > low:
        x1, x2 = left + low * px_per_unit, left + high * px_per_unit
        parts.append(svg.line(x1, centre, x2, centre, "whisker"))
        parts += [svg.line(x, centre - 4, x, centre + 4, "whisker") for x in (x1, x2)]
    return parts


def _group(subject, bars, top, left):
    parts = [svg.text(12, top + 16, subject, "head")]
    most = max(max(bar.runs) for bar in bars)
    px_per_unit = PLOT / most if most > 0 else 0
    for number, bar in enumerate(bars):
        parts += _bar(bar, top + HEAD + number * ROW, left, px_per_unit)
    bottom = top + HEAD + len(bars) * ROW
    parts.append(svg.line(left, top + HEAD, left, bottom, "grid"))
    return parts, bottom + 8


def plot(title, rows):
    """`rows`: of one measure and unit."""
    groups = groups_of(rows)
    names = [bar.contestant for bars in groups.values() for bar in bars]
    left = max(LEFT_MIN, max(svg.width_of(name) for name in names) + 24)
    about = (f"{rows[0]['unit']}, {rows[0]['better']} is better; median, whiskers from the lowest to "
             "the highest run; each subject has its own scale")
    parts, top = [svg.text(12, 22, title, "head"), svg.text(12, 40, about, "quiet")], 54
    for subject, bars in groups.items():
        more, top = _group(subject, bars, top, left)
        parts += more
    longest = max(map(svg.width_of, [title, about, *groups]))
    width = max(left + PLOT + RIGHT, longest * 1.1 + 24)
    return svg.document(width, top + 6, title, about, parts)
