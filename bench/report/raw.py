"""Reads what record.py wrote, and believes nothing: a file that was edited or cut is named with the
field that is wrong."""

import json
import math
import pathlib
import re

import record

OURS = "millrace"
_TEXTS = ("suite", "commit", "time", "compiler", "variant", "layout", "command", "method")
_MACHINE = {"cpu": str, "cores": int, "memory_mb": int, "kernel": str}
_ROW_TEXTS = ("subject", "contestant", "measure", "unit")
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class BadRaw(Exception):
    """Says in one line which file and field are wrong, and how."""


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check(good, where, what):
    if not good:
        raise BadRaw(f"{where}: {what}")


def _check_text(holder, key, where):
    _check(isinstance(holder.get(key), str) and holder[key].strip(), f"{where}{key}",
           "is missing, empty or not a string")


def _check_conditions(conditions, where):
    _check(isinstance(conditions, dict), where, "is not an object")
    _check(("x" in conditions) == ("x_name" in conditions), where, "x and x_name go together")
    if "x" in conditions:
        _check(_is_number(conditions["x"]), f"{where}.x", "is not a finite number")
        _check_text(conditions, "x_name", f"{where}.")


def _check_row(row, where):
    _check(isinstance(row, dict), where, "is not an object")
    for key in _ROW_TEXTS:
        _check_text(row, key, f"{where}.")
    _check(row.get("better") in ("higher", "lower"), f"{where}.better", "is neither higher nor lower")
    runs = row.get("runs")
    _check(isinstance(runs, list) and runs, f"{where}.runs", "is missing, empty or not a list")
    for number, value in enumerate(runs):
        _check(_is_number(value), f"{where}.runs[{number}]", "is not a finite number")
    _check(isinstance(row.get("paired", True), bool), f"{where}.paired", "is neither true nor false")
    _check_conditions(row.get("conditions", {}), f"{where}.conditions")


def check(fields):
    """Raises BadRaw unless `fields` is a whole record."""
    _check(isinstance(fields, dict), "the file", "is not a JSON object")
    _check(fields.get("schema") == record.SCHEMA, "schema", f"is not {record.SCHEMA}")
    for key in _TEXTS:
        _check_text(fields, key, "")
    _check(re.fullmatch(_TIME, fields["time"]), "time", "is not like 2026-01-31T23:59:59Z")
    machine = fields.get("machine")
    _check(isinstance(machine, dict), "machine", "is missing or not an object")
    for key, kind in _MACHINE.items():
        _check(isinstance(machine.get(key), kind), f"machine.{key}",
               f"is missing or not of type {kind.__name__}")
    rows = fields.get("rows")
    _check(isinstance(rows, list) and rows, "rows", "is missing, empty or not a list")
    for number, row in enumerate(rows):
        _check_row(row, f"rows[{number}]")
    _check_no_twins(rows)


def _check_no_twins(rows):
    seen = set()
    for number, row in enumerate(rows):
        key = json.dumps([row[name] for name in _ROW_TEXTS] + [row.get("conditions", {})],
                         sort_keys=True)
        _check(key not in seen, f"rows[{number}]",
               "says again what an earlier row says (subject, contestant, measure, unit, conditions)")
        seen.add(key)


def read(path):
    """The record's fields, with the name of its file under "file"."""
    path = pathlib.Path(path)
    try:
        fields = json.loads(path.read_text())
    except (ValueError, OSError) as error:
        raise BadRaw(f"{path.name}: can't be read as JSON: {error}") from None
    try:
        check(fields)
    except BadRaw as error:
        raise BadRaw(f"{path.name}: {error}") from None
    return fields | {"file": path.name}


def newest(folder):
    """The newest record of each suite, variant and layout in `folder`, in the order of these."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        fields = read(path)
        key = (fields["suite"], fields["variant"], fields["layout"])
        if key not in found or found[key]["time"] <= fields["time"]:
            found[key] = fields
    return [found[key] for key in sorted(found)]


def conditions_of(row):
    return row.get("conditions", {})


def label(row, with_x=True):
    """The subject with its conditions, as a reader is told of them."""
    parts = [row["subject"]]
    conditions = conditions_of(row)
    if with_x and "x" in conditions:
        parts.append(f"{conditions['x_name']} {conditions['x']:,}")
    parts += [f"{name.replace('_', ' ')} {value}" for name, value in conditions.items()
              if name not in ("x", "x_name")]
    return ", ".join(parts)


def in_turn(*rows):
    """Whether runs of the same index were made together, so that a ratio of two means something."""
    return all(row.get("paired", True) for row in rows) and len({len(row["runs"]) for row in rows}) == 1


def ours_beside(row, rows):
    """Our row of the same subject, measure and x. Conditions may be those of one contestant (its
    version, say): they decide only where there are several of ours."""

    def key(one):
        return (one["subject"], one["measure"], one["unit"], conditions_of(one).get("x"))

    ours = [one for one in rows if one["contestant"] == OURS and key(one) == key(row)]
    same = [one for one in ours if conditions_of(one) == conditions_of(row)]
    if len(same or ours) == 1:
        return (same or ours)[0]
    return None
