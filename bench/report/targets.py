"""What must be reached (targets.json), held against the records: met, missed or not measured.

A target names its rows by suite, subject and measure (also layout and variant, "shared" and "release"
unless said), and one or two limits, "must" and "aim". A limit is "least" or "most", of our median, or
of our ratio to each contestant in "of" (the median of the ratios of pairs); "about" says in words what
such a ratio comes to. "why" is what a person found out about a target, as Markdown that may link a
profile from results/; it is shown when the target is missed.

It takes five runs of all who are compared to judge: with fewer a target counts as not measured."""

import json
import pathlib

import raw
import record
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
    """Our median, or the median of our ratios to theirs; None where theirs is 0."""
    if theirs is None:
        return stats.spread(ours["runs"]).median
    ratios = stats.ratios(ours["runs"], theirs["runs"], raw.in_turn(ours, theirs))
    return stats.spread(ratios).median if ratios else None


def limit_words(limit, unit):
    sign, value = ("≥", limit["least"]) if "least" in limit else ("≤", limit["most"])
    if "of" in limit:
        about = f" ({limit['about']})" if "about" in limit else ""
        return f"{sign} {value:,g} × " + " and ".join(limit["of"]) + about
    return f"{sign} {value:,} {unit}"


def _gap(limit, ours, rows, unit):
    """Why the limit can't be judged; empty when it can."""
    if ours is None:
        return "no such row"
    if unit and ours["unit"] != unit:
        return f"in {ours['unit']}, not {unit}"
    others = {name: _row_of(name, rows) for name in limit.get("of", [])}
    for name, theirs in others.items():
        if theirs is None:
            return f"no {name} beside"
        if _value(ours, theirs) is None:
            return f"{name} has 0"
    fewest = min(len(row["runs"]) for row in [ours, *others.values()])
    return f"{fewest} run{'s'[:fewest > 1]}" if fewest < record.RUNS_MIN else ""


def judge(limit, rows, unit):
    """(verdict, what was measured, or why nothing was)"""
    ours = _row_of(raw.OURS, rows)
    if gap := _gap(limit, ours, rows, unit):
        return NOT_MEASURED, gap
    words, verdict = [], MET
    for name in limit.get("of", [None]):
        theirs = _row_of(name, rows) if name else None
        value = _value(ours, theirs)
        if not limit.get("least", value) <= value <= limit.get("most", value):
            verdict = MISSED
        words.append(f"{text.spread(ours['runs'])} {ours['unit']}" if theirs is None else
                     f"{text.ratio(ours['runs'], theirs['runs'], raw.in_turn(ours, theirs))} × {name}")
    return verdict, "; ".join(words)


def _judge_all(target, rows, fields):
    kinds = [kind for kind in ("must", "aim") if kind in target]
    if fields is None:
        return dict.fromkeys(kinds, (NOT_MEASURED, f"no record of {target['suite']}"))
    return {kind: judge(target[kind], rows, target.get("unit")) for kind in kinds}


def verdicts(targets, records):
    """[(target, {"must": (verdict, measured), "aim": ...}, the record or None)]"""
    found = []
    for target in targets:
        fields, rows = rows_of(target, records)
        found.append((target, _judge_all(target, rows, fields), fields))
    return found
