"""Which plots a record gets, and what they are called."""

import bars
import lines
import text


def measures_of(rows):
    """{(measure, unit): its rows}, in the order of the record."""
    found = {}
    for row in rows:
        found.setdefault((row["measure"], row["unit"]), []).append(row)
    return found


def title_of(fields, measure):
    return f"{fields['suite']}: {measure} ({fields['variant']}, {fields['layout']})"


def _name(fields, *parts):
    return text.slug(fields["suite"], fields["variant"], fields["layout"], *parts) + ".svg"


def _sweeps(fields, measure, unit, rows):
    subjects = {}
    for row in rows:
        subjects.setdefault((row["subject"], row["conditions"]["x_name"]), []).append(row)
    for (subject, x_name), points in subjects.items():
        if len({row["conditions"]["x"] for row in points}) > 1:
            title = f"{title_of(fields, measure)}, {subject}"
            yield _name(fields, measure, unit, subject, x_name), lines.plot(title, points)


def of_measure(fields, measure, unit, rows):
    """{file name: SVG}. One figure alone is told by the table: it gets no plot."""
    swept = [row for row in rows if "x" in row.get("conditions", {})]
    single = [row for row in rows if row not in swept]
    made = dict(_sweeps(fields, measure, unit, swept))
    if len(single) > 1:
        made[_name(fields, measure, unit)] = bars.plot(title_of(fields, measure), single)
    return made
