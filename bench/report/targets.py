"""What must be reached (targets.json), held against the records: met, missed or not measured.

A target names its rows by suite, subject and measure (also layout and variant, "shared" and "release"
unless said), and one or two limits, "must" and "aim". A limit is "least" or "most", of our median, or
of our ratio to each contestant in "of" (the median of the ratios of pairs). "why" is what a person
found out about a target that is missed, as Markdown that may link a profile from results/."""

import json
import pathlib

import raw
import stats
import text

FILE = pathlib.Path(__file__).with_name("targets.json")
MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"


def _check(target):
    for key in ("what", "suite", "subject", "measure"):
        if key not in target:
            raise raw.BadRaw(f"{key}: is missing")
    if not {"must", "aim"} & target.keys():
        raise raw.BadRaw("must: is missing, and aim too")
    for kind in ("must", "aim"):
        limit = target.get(kind, {"least": 0, "of": []})
        if ("least" in limit) == ("most" in limit):
            raise raw.BadRaw(f"{kind}: needs least or most")
        if "of" not in limit and "unit" not in target:
            raise raw.BadRaw("unit: is missing, and a limit without of needs it")


def load(path=FILE):
    path = pathlib.Path(path)
    wanted = json.loads(path.read_text())["targets"]
    for number, target in enumerate(wanted):
        try:
            _check(target)
        except raw.BadRaw as error:
            raise raw.BadRaw(f"{path.name}: targets[{number}].{error}") from None
    return wanted


def rows_of(target, records):
    """The rows of the target's subject and measure, of all contestants, with their record."""
    wanted = (target["suite"], target.get("variant", "release"), target.get("layout", "shared"))
    for fields in records:
        if (fields["suite"], fields["variant"], fields["layout"]) == wanted:
            return fields, [row for row in fields["rows"]
                            if raw.label(row) == target["subject"] and row["measure"] == target["measure"]]
    return None, []


def _row_of(contestant, rows):
    return next((row for row in rows if row["contestant"] == contestant), None)


def _value(ours, theirs):
    if theirs is None:
        return stats.spread(ours["runs"]).median
    ratios = stats.pair_ratios(ours["runs"], theirs["runs"])
    if ratios:
        return stats.spread(ratios).median
    return stats.spread(ours["runs"]).median / stats.spread(theirs["runs"]).median


def limit_words(limit, unit):
    sign, value = ("≥", limit["least"]) if "least" in limit else ("≤", limit["most"])
    if "of" in limit:
        return f"{sign} {value:,g} × " + " and ".join(limit["of"])
    return f"{sign} {value:,} {unit}"


def judge(limit, rows, unit):
    """(verdict, what was measured)"""
    ours = _row_of(raw.OURS, rows)
    if ours is None or (unit and ours["unit"] != unit):
        return NOT_MEASURED, ""
    words, verdict = [], MET
    for name in limit.get("of", [None]):
        theirs = _row_of(name, rows) if name else None
        if name and theirs is None:
            return NOT_MEASURED, f"no {name} beside"
        value = _value(ours, theirs)
        if not limit.get("least", value) <= value <= limit.get("most", value):
            verdict = MISSED
        words.append(f"{text.ratio(ours['runs'], theirs['runs'])} × {name}" if name
                     else f"{text.spread(ours['runs'])} {ours['unit']}")
    return verdict, "; ".join(words)


def verdicts(targets, records):
    """[(target, {"must": (verdict, measured), "aim": ...}, the record or None)]"""
    found = []
    for target in targets:
        fields, rows = rows_of(target, records)
        found.append((target, {kind: judge(target[kind], rows, target.get("unit"))
                               for kind in ("must", "aim") if kind in target}, fields))
    return found
