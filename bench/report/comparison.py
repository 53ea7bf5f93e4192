"""results/benchmarks/comparison.md: every suite's newest figures, contestant beside contestant."""

import plots
import raw
import text

_HEAD = """# Comparison

Made by `make report` from the records in [`../raw`](../raw); not for editing.

Each figure is the median of its runs, with the lowest and the highest. The last column is ours over
theirs: where contestants were measured in turn, it is taken within each pair of runs, and what is shown
is the median of these ratios with the lowest and the highest; where they weren't, there is only the
ratio of the medians, and it is marked. Above 1 is ahead where higher is better, below 1 where lower
is."""


def _ratio(row, rows):
    if row["contestant"] == raw.OURS:
        return ""
    ours = raw.ours_beside(row, rows)
    if ours is None:
        return "nothing of ours beside"
    return text.ratio(ours["runs"], row["runs"], raw.in_turn(ours, row))


def measure_table(rows):
    """Rows of one measure, grouped by subject, ours first in each."""
    order = {}
    for row in rows:
        order.setdefault(raw.label(row), len(order))
    ordered = sorted(rows, key=lambda row: (order[raw.label(row)], row["contestant"] != raw.OURS))
    head = ["subject", "contestant", "median (lowest to highest)", "runs",
            f"{raw.OURS} / contestant"]
    return text.table(head, [[text.escape(raw.label(row)), text.escape(row["contestant"]),
                              text.spread(row["runs"]), str(len(row["runs"])), _ratio(row, rows)]
                             for row in ordered])


def machine_words(fields):
    box = fields["machine"]
    return (f"{box['cpu']}{' (virtual)' if box.get('virtual') else ''}, {box['cores']} cores, "
            f"{box['memory_mb']:,} MB, Linux {box['kernel']}")


def _about(fields):
    return text.table(["", ""], [
        ["method", text.escape(fields["method"])],
        ["command", f"`{fields['command']}`"],
        ["commit, time", f"{fields['commit']}, {fields['time']}"],
        ["machine", text.escape(machine_words(fields))],
        ["compiler", text.escape(fields["compiler"])],
        ["raw", f"[{fields['file']}](../raw/{fields['file']})"]])


def section(fields):
    """(Markdown, {plot's file name: SVG})"""
    parts = [f"## {fields['suite']} ({fields['variant']}, {fields['layout']})", _about(fields)]
    drawn = {}
    for (measure, unit), rows in plots.measures_of(fields["rows"]).items():
        better = rows[0]["better"]
        parts.append(f"### {text.escape(measure)}, {text.escape(unit)} ({better} is better)")
        made = plots.of_measure(fields, measure, unit, rows)
        if made.keys() & drawn.keys():
            raise raw.BadRaw(f"{fields['file']}: two measures are too alike: '{measure}' in {unit}")
        drawn |= made
        parts += [f"![{text.escape(measure)}](../plots/{name})" for name in made]
        parts.append(measure_table(rows))
    return "\n\n".join(parts), drawn


def render(records):
    """(comparison.md, {plot's file name: SVG})"""
    parts, drawn = [_HEAD], {}
    for fields in records:
        words, made = section(fields)
        parts.append(words)
        drawn |= made
    return "\n\n".join(parts) + "\n", drawn
