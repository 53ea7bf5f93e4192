"""What the micro benchmarks print, made into rows: a measure of a contestant under a subject, with a
value for each pass over the suite. See contest.h for the names."""

import collections
import re
import statistics

from text import number

OURS = "millrace"
WALL_CLOCK = ("real_time", "manual_time")

# A measure of a subject, and what each contestant's was in each pass.
Row = collections.namedtuple("Row", "subject measure unit runs")


def figures(document):
    """(subject, contestant, measure, unit, value) of one pass: the JSON of Google Benchmark, or what
    looks like it. A time is the wall clock's, per item: how often a loop went round is no rate."""
    for entry in document["benchmarks"]:
        if entry.get("run_type", "iteration") != "iteration":
            continue
        name = entry["name"]
        subject, contestant, *how = name.split("/")
        if entry.get("error_occurred"):
            raise ValueError(f"{name}: {entry.get('error_message', 'failed')}")
        if not set(WALL_CLOCK) & set(how):
            raise ValueError(f"{name}: measured by processor time; contest.h has the wall clock")
        found = list(_counters(entry))
        if "items_per_second" in entry:
            found.insert(0, ("wall time", f"ns/{entry['label']}", 1e9 / entry["items_per_second"]))
        if not found:
            raise ValueError(f"{name}: measures nothing")
        for measure, unit, value in found:
            yield subject, contestant, measure, unit, value


def _counters(entry):
    for name, value in entry.items():
        if name.endswith("]"):
            measure, _, unit = name[:-1].partition(" [")
            yield measure, unit, value


def natural(text):
    """A sorting key by which 8 comes before 64."""
    return [(int(digits or 0), word) for digits, word in re.findall(r"(\d+)|(\D+)", text)]


def rows_of(passes):
    """The rows of several passes, in the order of the first; contestants ours first. A contestant
    that is missing in a pass is an error: runs of the same index are compared with each other."""
    rows = {}
    for number, figures_of_pass in enumerate(passes):
        for subject, contestant, measure, unit, value in figures_of_pass:
            key = (subject, measure, unit)
            runs = rows.setdefault(key, Row(*key, {})).runs.setdefault(contestant, [])
            if len(runs) != number:
                raise ValueError(f"{subject}, {contestant}: {len(runs)} values after {number} passes")
            runs.append(value)
    for row in rows.values():
        for contestant, runs in row.runs.items():
            if len(runs) != len(passes):
                raise ValueError(f"{row.subject}, {contestant}: missing in the last pass")
    return [row._replace(runs=dict(sorted(row.runs.items(), key=lambda item: item[0] != OURS)))
            for row in rows.values()]


def ours_over(row, contestant):
    """Ours over theirs, as in the report: the median of the ratios within each pass. None without a
    row of ours, or where theirs is zero."""
    ours, theirs = row.runs.get(OURS), row.runs[contestant]
    if ours is None or not all(theirs):
        return None
    return statistics.median(our / their for our, their in zip(ours, theirs))


def table(rows):
    """The lines of a table: a line for each contestant, those of a subject under each other."""
    cells = [("", "", "median", "least", "greatest", "ours / it", "")]
    for row in rows:
        subject = row.subject if row.measure == "wall time" else f"{row.subject}: {row.measure}"
        for contestant, runs in row.runs.items():
            ratio = ours_over(row, contestant)
            cells.append((subject, contestant, number(statistics.median(runs)), number(min(runs)),
                          number(max(runs)), "" if ratio is None else number(ratio), row.unit))
            subject = ""
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    for line in cells:
        yield "  ".join(cell.ljust(width) if i in (0, 1, 6) else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip()


def put_into(record, rows):
    for row in rows:
        for contestant, runs in row.runs.items():
            record.add(row.subject, contestant, row.measure, row.unit, runs)
